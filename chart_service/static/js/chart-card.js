// A card: heading, menu, chart, foot. Loads its data itself and says in words what went wrong and what can be done.
import { saveFile } from "./api.js";
import { ChartView } from "./chart-view.js";
import { button, el, icon, iconButton } from "./dom.js";
import { openDialog, toast, toastError } from "./dialog.js";
import { ago, momentText, t } from "./i18n.js";
import { openMenu } from "./menu.js";

const LARGE = 1.25; // texts of a chart that fills the window
const STALE_MILLISECONDS = 24 * 3_600_000;
const SLOW_MILLISECONDS = 300; // a card that has a chart shows that it loads only after this, so quick answers do not flicker

/**
 * `load({signal, refresh})` answers a ChartData. Options: `title`, `subtitle`, `level` of the heading, `format` for the
 * skeleton, `menu(card)` more items of the menu, `exportAs(kind)` answers {blob, name}, `sql` (null hides it),
 * `editUrl`, `signIn()` where one can sign in again, `onMark(where, event, card)`, `onReset()` offered where nothing fits the filters, `filtered()`.
 */
export class ChartCard {
  constructor(options) {
    this.options = { level: 3, controls: true, ...options };
    this.view = new ChartView({
      title: options.title,
      onMark: options.onMark && ((where, event) => options.onMark(where, event, this)),
    });
    this.build();
    this.view.skeleton(this.isNumber() ? "number" : "chart");
  }

  isNumber() {
    return ["indicator", "gauge", "bullet"].includes(this.options.format);
  }

  build() {
    const { title, subtitle, level, controls } = this.options;
    const id = `card-${Math.random().toString(36).slice(2)}`;
    this.badges = el("span.card-badges");
    this.menuButton =
      controls &&
      iconButton("more", t("card.menu", { title }), {
        small: true,
        "aria-haspopup": "menu",
        "aria-expanded": "false",
        title: t("card.menu_short"),
        onclick: () => this.openMenu(),
      });
    this.head = el(
      "header.card-head",
      {},
      el(
        "div.card-titles",
        { title: [title, subtitle].filter(Boolean).join(" — ") },
        el(`h${level}.card-title`, { id }, title),
        subtitle && el("span.card-subtitle", {}, subtitle),
      ),
      this.badges,
      this.menuButton || null,
    );
    this.foot = el("footer.card-foot");
    this.element = el(
      `section.card${this.isNumber() ? ".number" : ""}`,
      { "aria-labelledby": id },
      this.head,
      this.view.element,
      this.foot,
    );
  }

  destroy() {
    this.abort?.abort();
    this.view.destroy();
    this.element.remove();
  }

  /**
   * Load and draw. What is on the screen stays there until the new data is; drawn again only if something changed.
   * `quiet`: nobody asked for it, so where it fails the picture stays, marked as not fresh.
   */
  async refresh({ refresh = false, quiet = false } = {}) {
    this.abort?.abort();
    const abort = (this.abort = new AbortController());
    const waiting = setTimeout(() => this.element.classList.add("loading"), SLOW_MILLISECONDS);
    try {
      const chart = await this.options.load({ signal: abort.signal, refresh });
      if (abort.signal.aborted) return;
      this.failed = null;
      this.chart = chart;
      await this.show(chart);
    } catch (error) {
      if (error.name === "AbortError" || abort.signal.aborted) return;
      if (quiet && this.chart && !this.failed) this.marks(this.chart, error);
      else this.fail(error);
    } finally {
      clearTimeout(waiting);
      if (this.abort === abort) {
        this.element.classList.remove("loading");
        this.element.dataset.state = this.failed ? "error" : "drawn";
        this.options.onSettled?.(this);
      }
    }
  }

  async show(chart) {
    const print = fingerprint(chart);
    this.marks(chart);
    if (chart.empty || chart.row_count === 0) {
      if (this.print !== print) this.empty();
    } else if (this.print !== print) await this.view.show(chart);
    this.print = print;
  }

  empty() {
    const filtered = this.options.filtered?.();
    this.view.state({
      icon: "blank-small",
      title: t(filtered ? "card.empty_filtered" : "card.empty"),
      actions: filtered && this.options.onReset ? [[t("card.reset"), this.options.onReset]] : [],
    });
  }

  fail(error) {
    this.failed = error;
    this.print = null;
    const [title, text] = failure(error);
    const actions = [[t("shell.retry"), () => this.refresh()]];
    if (error.status === 401 && this.options.signIn) actions.unshift([t("shell.sign_in"), this.options.signIn]);
    if (this.options.sql) actions.push([t("card.sql"), () => this.showSql()]);
    this.view.state({
      icon: "warning",
      bad: true,
      title,
      text,
      actions,
      detail: error.requestId ? t("shell.request_id", { id: error.requestId }) : null,
    });
    this.badges.replaceChildren();
    this.foot.replaceChildren();
  }

  /** Badges of the heading and the line at the foot: how old, how many rows, what is left out. */
  marks(chart, error = null) {
    const badges = [];
    if (error) badges.push(el("span.badge.warn", { title: error.message }, icon("warning"), t("card.not_refreshed")));
    else if (chart.as_of && Date.now() - new Date(chart.as_of) > STALE_MILLISECONDS)
      badges.push(
        el(
          "span.badge.warn",
          { title: t("card.stale_hint", { when: momentText(chart.as_of) }) },
          icon("clock"),
          t("card.stale"),
        ),
      );
    if (chart.truncated)
      badges.push(
        el(
          "span.badge.warn",
          { title: t("card.truncated_hint", { n: chart.row_count }) },
          icon("warning"),
          t("card.truncated"),
        ),
      );
    if (chart.unfiltered?.length)
      badges.push(
        el(
          "span.badge",
          { title: t("card.unfiltered_hint", { views: chart.unfiltered.join(", ") }) },
          icon("filter"),
          t("card.unfiltered"),
        ),
      );
    if (chart.notes?.length)
      badges.push(
        el(
          "button.badge.note",
          {
            type: "button",
            "aria-label": t("card.notes"),
            title: chart.notes.join("\n"),
            onclick: () => toast(chart.notes.join(" "), { seconds: 8 }),
          },
          icon("info"),
        ),
      );
    this.badges.replaceChildren(...badges);
    this.age();
  }

  /** Say again how old the data is. */
  age() {
    const { chart } = this;
    if (!chart || this.failed) return;
    const parts = [];
    if (chart.as_of)
      parts.push(el("span", { title: momentText(chart.as_of) }, t("card.as_of", { ago: ago(chart.as_of) })));
    parts.push(el("span", {}, t("card.rows", { n: chart.row_count })));
    this.foot.replaceChildren(...parts);
  }

  openMenu() {
    const { sql, exportAs, editUrl, menu } = this.options;
    const { chart } = this;
    const none = !chart || chart.row_count === 0;
    const view = [
      { name: "full", icon: "expand", label: t("card.full"), disabled: none, run: () => this.fullScreen() },
      {
        name: "table",
        icon: this.view.asTable ? "chart" : "table",
        label: t(this.view.asTable ? "card.as_chart" : "card.as_table"),
        disabled: none,
        run: () => this.toggleTable(),
      },
      sql && { name: "sql", icon: "code", label: t("card.sql"), run: () => this.showSql() },
      { name: "refresh", icon: "refresh", label: t("card.refresh"), run: () => this.refresh({ refresh: true }) },
    ];
    const files = [
      exportAs && { name: "csv", icon: "download", label: "CSV", disabled: !chart, run: () => this.export("csv") },
      exportAs && {
        name: "xlsx",
        icon: "download",
        label: "Excel (XLSX)",
        disabled: !chart,
        run: () => this.export("xlsx"),
      },
      exportAs && { name: "png", icon: "image", label: t("card.png"), disabled: none, run: () => this.exportPicture() },
    ];
    const more = [
      editUrl && { name: "edit", icon: "edit", label: t("card.edit"), href: editUrl },
      ...(menu?.(this) ?? []),
    ];
    const groups = [view, files, more].map((group) => group.filter(Boolean)).filter((group) => group.length);
    openMenu(
      this.menuButton,
      groups.flatMap((group, at) => (at ? [null, ...group] : group)),
    );
  }

  toggleTable() {
    this.view.asTable = !this.view.asTable;
    this.print = null;
    return this.show(this.chart);
  }

  showSql() {
    const code = el("pre.code", { tabindex: "0" }, this.options.sql);
    openDialog({
      title: this.options.title,
      kind: "wide",
      content: code,
      actions: [button(t("shell.copy"), { icon: "copy", onclick: () => copy(this.options.sql) })],
    });
  }

  /** The same chart as large as the window. */
  async fullScreen() {
    const view = new ChartView({ title: this.options.title, onMark: this.view.onMark, scale: LARGE });
    view.asTable = this.view.asTable;
    const dialog = openDialog({ title: this.options.title, kind: "full", content: [], onClose: () => view.destroy() });
    dialog.body.classList.add("full-body");
    dialog.body.append(view.element);
    if (this.chart && this.chart.row_count) await view.show({ ...this.chart, height: 0 });
    else view.state({ icon: "info", title: t("card.empty") });
  }

  async export(kind) {
    try {
      const { blob, name } = await this.options.exportAs(kind);
      saveFile(blob, name);
    } catch (error) {
      toastError(error);
    }
  }

  async exportPicture() {
    try {
      const url = await this.view.picture();
      saveFile(await await blobOf(url), `${fileName(this.options.title)}.png`);
    } catch (error) {
      toastError(error);
    }
  }
}

/** A name for a file made of a title. */
export const fileName = (title) =>
  title
    .replace(/[\\/:*?"<>|\u0000-\u001f]+/g, " ")
    .trim()
    .slice(0, 80) || "chart";

async function blobOf(dataUrl) {
  const bytes = Uint8Array.from(atob(dataUrl.split(",")[1]), (character) => character.charCodeAt(0));
  return new Blob([bytes], { type: "image/png" });
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast(t("shell.copied"));
  } catch {
    toast(t("card.copy_failed"), { bad: true });
  }
}

/** What tells two answers apart as pictures. */
function fingerprint(chart) {
  return JSON.stringify([chart.figure?.light, chart.table, chart.indicators, chart.rows, chart.format]);
}

const KINDS = { 0: "network", 401: "sign_in", 403: "forbidden", 404: "gone", 429: "busy", 503: "away" };
const CODES = {
  timeout: "slow",
  statement_timeout: "slow",
  too_expensive: "slow",
  too_many_bytes: "large",
  too_large: "large",
};

/** A failure as a heading and a sentence. The service's own words are the sentence where it has any. */
function failure(error) {
  const kind = CODES[error.code] ?? KINDS[error.status];
  return [t(`card.error_${kind ?? "other"}`), error.message];
}
