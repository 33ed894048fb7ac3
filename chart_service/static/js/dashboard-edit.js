// Editing a dashboard: a document of its own until it is saved, every step of which can be undone.
import { ApiError, api } from "./api.js";
import { button, el, icon, iconButton } from "./dom.js";
import { asked, confirmed, openDialog, toast, toastError } from "./dialog.js";
import { forKeeping, sane, same } from "./filter-state.js";
import { History } from "./history.js";
import { lang, t } from "./i18n.js";
import { newId } from "./ids.js";
import { pickChart } from "./library-dialog.js";
import { LEAST, arranged, placeFor } from "./layout.js";
import { addTab, drawTabTools } from "./dashboard-tabs.js";
import { openMenu } from "./menu.js";

const SIZES = {
  chart: { w: 6, h: 8 },
  number: { w: 3, h: 3 },
  table: { w: 12, h: 8 },
  heading: { w: 12, h: 1 },
  text: { w: 12, h: 2 },
};
const NUMBERS = new Set(["indicator", "gauge", "bullet"]);

export class Editor {
  constructor(page) {
    this.page = page;
    this.active = false;
    this.element = el("div.editor", { hidden: true });
    addEventListener("beforeunload", (event) => this.dirty && event.preventDefault());
    addEventListener("keydown", (event) => this.key(event));
  }

  get dirty() {
    return (
      this.active &&
      this.history.at > 0 &&
      JSON.stringify(this.history.state) !== JSON.stringify(this.history.states[0])
    );
  }
  get document() {
    return { ...this.history.state, charts: this.charts };
  }

  start({ add = false } = {}) {
    if (this.active) return;
    this.active = true;
    const { title, description, slug, tabs, items, filters } = structuredClone(this.page.document);
    this.charts = { ...this.page.document.charts };
    this.history = new History({ title, description, slug, tabs, items, filters }, () => this.drawBar());
    document.documentElement.dataset.editing = "";
    this.element.hidden = false;
    this.drawBar();
    this.page.root.querySelector(".blank")?.remove();
    this.page.view.grid.edit(true);
    this.show();
    if (add) this.addChart();
  }

  end() {
    this.active = false;
    delete document.documentElement.dataset.editing;
    this.element.hidden = true;
    this.page.view.grid.edit(false);
    this.page.view.tabs.querySelectorAll("[data-tab-menu]").forEach((node) => node.remove());
    this.page.showDocument();
  }

  // -- the bar

  drawBar() {
    const { state } = this.history;
    const field = (name, limit) => {
      const input = el("input.input", {
        maxlength: limit,
        "aria-label": t(`dashboard.${name}`),
        placeholder: t(`dashboard.${name}`),
        data: { field: name },
        onchange: () => this.change({ [name]: input.value.trim() || (name === "title" ? state.title : "") }),
      });
      input.value = state[name];
      return input;
    };
    const focus = this.element.contains(document.activeElement) ? document.activeElement.dataset : null;
    this.element.replaceChildren(
      el("div.editor-fields", {}, field("title", "200"), field("description", "1000")),
      el(
        "div.editor-tools",
        { role: "toolbar", "aria-label": t("dashboard.editing") },
        iconButton("undo", t("dashboard.undo"), {
          "data-tool": "undo",
          disabled: !this.history.canUndo,
          onclick: () => this.undo(),
        }),
        iconButton("redo", t("dashboard.redo"), {
          "data-tool": "redo",
          disabled: !this.history.canRedo,
          onclick: () => this.redo(),
        }),
        button(t("dashboard.add_chart"), { icon: "plus", "data-tool": "chart", onclick: () => this.addChart() }),
        button([t("dashboard.add_other"), icon("down")], {
          "data-tool": "other",
          "aria-haspopup": "menu",
          "aria-expanded": "false",
          onclick: (event) => this.openOther(event.currentTarget),
        }),
        el("span.spacer"),
        button(t("shell.cancel"), { kind: "quiet", "data-tool": "cancel", onclick: () => this.cancel() }),
        button(t("shell.save"), { icon: "check", kind: "primary", "data-tool": "save", onclick: () => this.save() }),
      ),
    );
    const again = focus?.tool ? `[data-tool="${focus.tool}"]` : focus?.field ? `[data-field="${focus.field}"]` : null;
    if (again) this.element.querySelector(again)?.focus({ preventScroll: true });
  }

  openOther(anchor) {
    const kept = same(sane(this.history.state.filters), this.page.filters);
    openMenu(
      anchor,
      [
        { name: "heading", icon: "heading", label: t("dashboard.add_heading"), run: () => this.addWords("heading") },
        { name: "text", icon: "text", label: t("dashboard.add_text"), run: () => this.addWords("text") },
        { name: "tab", icon: "tab", label: t("dashboard.add_tab"), run: () => addTab(this) },
        null,
        {
          name: "filters",
          icon: "filter",
          label: t("dashboard.keep_filters"),
          disabled: kept,
          hint: t("dashboard.keep_filters_hint"),
          run: () => this.change({ filters: forKeeping(this.page.filters) }),
        },
      ],
      { align: "start" },
    );
  }

  key(event) {
    if (!this.active || !(event.ctrlKey || event.metaKey) || event.target.closest?.("input, textarea, dialog")) return;
    const key = event.key.toLowerCase();
    if (key === "z" || key === "y" || key === "я" || key === "н") {
      event.preventDefault();
      if (event.shiftKey || key === "y" || key === "н") this.redo();
      else this.undo();
    } else if (key === "s" || key === "ы") {
      event.preventDefault();
      this.save();
    }
  }

  // -- steps

  change(part, { show = true } = {}) {
    this.history.push({ ...this.history.state, ...part });
    if (show) this.show();
  }

  undo() {
    if (this.history.undo()) this.show();
  }
  redo() {
    if (this.history.redo()) this.show();
  }

  show() {
    this.page.showDocument(this.document);
    this.page.view.grid.edit(true);
    this.tools();
    drawTabTools(this);
  }

  touched() {
    if (this.active) this.drawBar();
  }

  /** The items of the open tab came out of the grid; those of other tabs are as they were. */
  laidOut(items) {
    const by = new Map(items.map((item) => [item.id, item]));
    this.change({ items: this.history.state.items.map((item) => by.get(item.id) ?? item) }, { show: false });
    this.page.view.document = this.document;
  }

  tools() {
    for (const item of this.page.view.items()) {
      const { element, label } = this.page.view.grid.elements.get(item.id) ?? {};
      if (!element || element.querySelector(":scope > .item-tools")) continue;
      element.append(
        el(
          "div.item-tools",
          {},
          item.kind !== "chart" &&
            iconButton("edit", t("dashboard.edit_text"), { small: true, onclick: () => this.editWords(item.id) }),
          iconButton("trash", t("dashboard.take_off", { title: label }), {
            small: true,
            "data-tool": "remove",
            onclick: () => this.remove(item.id),
          }),
        ),
      );
    }
  }

  menu(item) {
    if (!this.active) return [];
    const others = this.history.state.tabs.filter(({ id }) => id !== item.tab);
    return [
      ...others.map(({ id, title }) => ({
        icon: "tab",
        label: t("dashboard.to_tab", { title }),
        run: () => this.toTab(item.id, id),
      })),
      {
        name: "remove",
        icon: "trash",
        danger: true,
        label: t("dashboard.take_off_short"),
        run: () => this.remove(item.id),
      },
    ];
  }

  remove(id) {
    const { items } = this.history.state;
    const gone = items.find((item) => item.id === id);
    this.change({
      items: this.compact(
        items.filter((item) => item.id !== id),
        gone.tab,
      ),
    });
    toast(t("dashboard.taken_off"), { action: [t("dashboard.undo"), () => this.undo()] });
  }

  toTab(id, tab) {
    const { items } = this.history.state;
    const item = items.find((one) => one.id === id);
    const place = placeFor(
      items.filter((one) => one.tab === tab),
      item,
    );
    this.change({
      items: this.compact(
        items.map((one) => (one.id === id ? { ...one, tab, ...place } : one)),
        item.tab,
      ),
    });
  }

  compact(items, tab) {
    const of = arranged(items.filter((item) => item.tab === tab));
    const by = new Map(of.map((item) => [item.id, item]));
    return items.map((item) => by.get(item.id) ?? item);
  }

  add(item) {
    const { items } = this.history.state;
    const tab = this.page.view.tab;
    const place = placeFor(
      items.filter((one) => one.tab === tab),
      item,
    );
    const whole = { id: newId(), tab, chart_id: null, text: null, ...item, ...place };
    this.change({ items: [...items, whole] });
    this.page.view.grid.elements.get(whole.id)?.element.scrollIntoView({ block: "center", behavior: "smooth" });
  }

  async addChart() {
    const here = new Set(this.history.state.items.map((item) => item.chart_id));
    const chart = await pickChart(here);
    if (!chart) return;
    this.charts[chart.id] = chart;
    const format = chart.template?.format;
    this.add({
      kind: "chart",
      chart_id: chart.id,
      ...(NUMBERS.has(format) ? SIZES.number : format === "table" || format === "pivot" ? SIZES.table : SIZES.chart),
    });
  }

  async addWords(kind) {
    const text = await asked({
      title: t(`dashboard.add_${kind}`),
      label: t(`dashboard.${kind}`),
      multiline: kind === "text",
      yes: t("dashboard.add"),
    });
    if (text)
      this.add({
        kind,
        text,
        ...SIZES[kind],
        h: kind === "text" ? Math.min(8, Math.max(LEAST.text.h, Math.ceil(text.length / 180) + 1)) : 1,
      });
  }

  async editWords(id) {
    const item = this.history.state.items.find((one) => one.id === id);
    const text = await asked({
      title: t("dashboard.edit_text"),
      label: t(`dashboard.${item.kind}`),
      value: item.text,
      multiline: item.kind === "text",
    });
    if (text && text !== item.text)
      this.change({ items: this.history.state.items.map((one) => (one.id === id ? { ...one, text } : one)) });
  }

  // -- the end

  async cancel() {
    if (
      this.dirty &&
      !(await confirmed({
        title: t("dashboard.discard_title"),
        text: t("dashboard.discard_text"),
        yes: t("dashboard.discard"),
      }))
    )
      return;
    this.end();
  }

  async save(version = this.page.document.version) {
    const { title, description, slug, tabs, items, filters } = this.history.state;
    const save = this.element.querySelector("[data-tool=save]");
    save.classList.add("busy");
    try {
      const saved = await api.put(`dashboards/${this.page.document.id}?lang=${lang}`, {
        title,
        description,
        slug,
        tabs,
        items,
        filters,
        version,
      });
      this.page.document = saved;
      this.page.base = sane(saved.filters);
      this.page.bar.base = this.page.base;
      this.page.bar.draw();
      this.end();
      toast(t("dashboard.saved"));
    } catch (error) {
      if (error instanceof ApiError && error.code === "changed_meanwhile") this.conflict();
      else toastError(error);
    } finally {
      save.classList.remove("busy");
    }
  }

  /** Somebody saved meanwhile: theirs, or ours over it. Nothing is lost before a person chooses. */
  conflict() {
    const dialog = openDialog({
      title: t("dashboard.conflict_title"),
      content: el("p", {}, t("dashboard.conflict_text")),
      actions: [
        button(t("dashboard.conflict_theirs"), {
          onclick: () => {
            this.active = false;
            location.reload();
          },
        }),
        button(t("dashboard.conflict_mine"), {
          kind: "primary",
          onclick: async () => {
            dialog.close();
            try {
              await this.save((await api.get(`dashboards/${this.page.document.id}?lang=${lang}`)).version);
            } catch (error) {
              toastError(error);
            }
          },
        }),
      ],
    });
  }
}
