// One chart being worked on: drawn at the left; at the side its statement, which may be changed and run; its type above.
import { api } from "./api.js";
import { ChartCard, copy } from "./chart-card.js";
import { button, el, icon, iconButton } from "./dom.js";
import { toastError } from "./dialog.js";
import { FormatPicker } from "./format-picker.js";
import { lang, t } from "./i18n.js";
import { SqlEditor } from "./sql-editor.js";

/**
 * `state` is what is drawn: {sql, template, title, description, chart}. `onChange(state)` hears of every chart that was
 * drawn anew by a person's hand; `actions` are elements for the bar above the chart, `side` elements above the statement.
 * `titled` false: the page shows the title itself.
 * `saved(state, refresh)` answers the ChartData of a chart as the library has it, or null where the state is another.
 */
export class ChartEditor {
  constructor({ onChange = () => {}, actions = [], side = [], level = 2, menu = null, saved = null, titled = true } = {}) {
    this.saved = saved;
    this.onChange = onChange;
    this.level = level;
    this.menu = menu;
    this.state = null;
    this.picker = new FormatPicker({ onPick: (format) => this.setFormat(format) });
    this.sql = new SqlEditor({ label: t("editor.sql"), onRun: () => this.run(), onInput: () => this.marks() });
    this.runButton = button(t("editor.run"), { icon: "play", kind: "primary", title: t("editor.run_hint"), onclick: () => this.run() });
    this.undoButton = button(t("editor.reset"), { icon: "undo", kind: "quiet", hidden: true, onclick: () => { this.sql.set(this.state.sql); this.marks(); } });
    this.place = el("div.work-card");
    this.sqlCard = el("section.card.work-sql", { "aria-label": t("editor.sql") },
      el("header.card-head", {}, el("h2.card-title", {}, t("editor.sql")), el("span.work-space"),
        iconButton("copy", t("shell.copy"), { small: true, class: "icon-button small always", onclick: () => copy(this.sql.value) })),
      this.sql.element, el("footer.work-foot", {}, this.runButton, this.undoButton, el("span.small.muted.work-hint", {}, t("editor.run_keys"))));
    this.sideExtra = el("div.work-extra", {}, side);
    this.bar = el("div.work-bar", {}, this.picker.button, el("span.work-space"), actions);
    this.element = el(`div.work${titled ? "" : ".untitled"}`, {}, el("div.work-main", {}, this.bar, this.place), el("div.work-side", {}, this.sideExtra, this.sqlCard));
  }

  /** What would be saved: the statement and template that are drawn, never text that was not run. */
  get dirty() {
    return Boolean(this.state) && this.sql.value !== this.state.sql;
  }

  /** Show a chart that somebody else had drawn. */
  async show(state) {
    this.state = state;
    this.sql.set(state.sql ?? "");
    await this.draw();
  }

  /** A statement without a chart yet; a state in words stands in its place. */
  blank({ sql = "", template = null, title, text }) {
    this.state = { sql: "", template, title: "", description: "", chart: null };
    this.sql.set(sql);
    this.picker.set([], "table");
    this.put(el("section.card.work-blank", {}, el("div.chart-state", {}, icon("chart"), el("p.chart-state-title", {}, title), el("p", {}, text))));
    this.marks();
  }

  /** Show an element in the chart's place. */
  put(element) {
    this.card?.destroy();
    this.card = null;
    this.place.replaceChildren(element);
  }

  showFormats() {
    this.picker.set(this.state?.chart?.formats ?? [], this.state?.chart?.format);
  }

  async draw() {
    const { chart, title, description } = this.state;
    this.showFormats();
    this.card?.destroy();
    this.card = new ChartCard({
      title: title || t("editor.untitled"), subtitle: description, level: this.level, format: chart?.format,
      load: ({ refresh }) => this.provide(refresh),
      exportAs: (kind) => api.file("POST", "export", { body: { sql: this.state.sql, format: kind, title: this.state.title ?? "", lang } }),
      menu: () => this.menu?.(this) ?? [],
    });
    this.place.replaceChildren(this.card.element);
    this.marks();
    await this.card.refresh();
    if (!chart) this.showFormats();
  }

  /** The chart for the card: the one at hand, or run again where a person asks for that. */
  async provide(again) {
    if (!again && this.state.chart) return this.state.chart;
    const saved = await this.saved?.(this.state, again);
    if (saved) this.state.chart = saved;
    else Object.assign(this.state, await this.request("sql/run", { sql: this.state.sql, template: this.state.template ?? null, lang }));
    return this.state.chart;
  }

  /** Run what the editor holds. What the guard or PostgreSQL says is told at its place; the chart before stays. */
  async run() {
    const sql = this.sql.value;
    if (!sql.trim()) return this.sql.focus();
    await this.busy(async () => {
      this.sql.tell(null);
      let drawn;
      try {
        drawn = await this.request("sql/run", { sql, template: this.state?.template ?? null, lang });
      } catch (error) {
        if (error.name === "AbortError") throw error;
        if (error.status !== 422 && error.status !== 409) return toastError(error);
        this.sql.tell(error);
        return;
      }
      this.state = { title: "", description: "", ...this.state, ...drawn, sql };
      await this.draw();
      this.onChange(this.state);
    });
  }

  /** The columns of a changed statement may not be those that the template names: then one is made anew. */
  async request(path, body) {
    try {
      return await api.post(path, body, { signal: this.abort?.signal });
    } catch (error) {
      if (error.code !== "bad_template" || !body.template || path !== "sql/run") throw error;
      return api.post(path, { ...body, template: null }, { signal: this.abort?.signal });
    }
  }

  /** Draw the same rows in another type; the model is not asked. */
  async setFormat(format) {
    await this.busy(async () => {
      const { sql, template } = this.state;
      try {
        const { template: changed, chart } = await this.request("charts/draw", { sql, template, format, lang });
        this.state = { ...this.state, template: changed, chart };
      } catch (error) {
        if (error.name === "AbortError") throw error;
        return toastError(error);
      }
      const text = this.sql.value;
      const { problem } = this.sql;
      await this.draw();
      if (this.sql.value !== text) this.sql.set(text);
      if (problem) this.sql.tell(problem);
      this.onChange(this.state);
      this.picker.button.focus({ preventScroll: true });
    });
  }

  async busy(work) {
    this.abort?.abort();
    const abort = (this.abort = new AbortController());
    this.element.setAttribute("aria-busy", "true");
    this.runButton.classList.add("busy");
    this.card?.element.classList.add("loading");
    try {
      await work();
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    } finally {
      if (this.abort === abort) {
        this.element.removeAttribute("aria-busy");
        this.runButton.classList.remove("busy");
        this.card?.element.classList.remove("loading");
      }
    }
  }

  marks() {
    this.undoButton.hidden = !this.dirty || !this.state.sql;
  }

  destroy() {
    this.abort?.abort();
    this.card?.destroy();
  }
}

/** A box with a heading, for the side. */
export const sideCard = (title, ...content) => el("section.card.work-note", {}, el("h2.card-title", {}, title), content);

/** A line with an icon. */
export const iconLine = (name, ...content) => el("p.work-line", {}, icon(name, "small"), el("span", {}, content));
