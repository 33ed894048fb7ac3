// The dashboard's page: what is in the address, the filter bar, the view, the modes of looking and of editing.
import { api } from "./api.js";
import { copy } from "./chart-card.js";
import { CrossFilters } from "./cross.js";
import { DashboardView, sourceOf } from "./dashboard-view.js";
import { Editor } from "./dashboard-edit.js";
import { button, el, icon, iconButton } from "./dom.js";
import { confirmed, toast, toastError } from "./dialog.js";
import { openDrill } from "./drill.js";
import { FilterBar } from "./filters.js";
import { fromParams, isEmpty, sane, toParams } from "./filter-state.js";
import { ago, lang, momentText, t } from "./i18n.js";
import { openMenu } from "./menu.js";
import { data as given } from "./page.js";
import { plotly } from "./plotly.js";
import { openShare } from "./share.js";
import { valueText } from "./table.js";
import { Television } from "./television.js";

const NUMBERS_FIRST_MILLISECONDS = 300;
const AGE_MILLISECONDS = 15_000;
const LOOK_MILLISECONDS = 1_200; // charts may be behind the freshness for the second that the service believes one look at it

class DashboardPage {
  constructor(root) {
    this.root = root;
    this.title = root.querySelector("h1");
    this.subtitle = root.querySelector("[data-subtitle]");
    this.actions = root.querySelector("[data-actions]");
    this.place = root.querySelector("[data-dashboard]");
    this.live = root.querySelector("[data-live]");
    this.cross = new CrossFilters();
    this.version = null; // of the data, as the freshness tells it
    addEventListener("freshness", ({ detail }) => this.dataIs(detail.data_version));
  }

  async begin() {
    try {
      this.document = await api.get(`dashboards/${encodeURIComponent(given.dashboard)}?lang=${lang}`);
    } catch (error) {
      return this.missing(error);
    }
    this.build();
    this.fromAddress();
    this.showDocument();
    performance.mark("dashboard-laid-out");
    // The numbers come first and need no Plotly; a figure that needs it sooner, or cannot have it, says so itself.
    setTimeout(() => plotly().catch(() => {}), NUMBERS_FIRST_MILLISECONDS);
    this.listen();
    this.bar.begin().catch(toastError);
    if (this.parameters.get("tv") === "1") this.television.start({ full: false });
    if (this.parameters.get("edit") === "1") this.editor.start();
  }

  /**
   * The frame of the page asks for the freshness anyway. When data came, every chart is asked for again, and only those
   * whose picture changed are drawn.
   */
  dataIs(version) {
    if (this.version !== null && version !== this.version)
      setTimeout(() => this.view?.refresh({ quiet: true }), LOOK_MILLISECONDS);
    this.version = version;
  }

  missing(error) {
    const gone = error.status === 404;
    this.root.replaceChildren(
      el(
        "div.blank",
        {},
        icon(gone ? "blank-small" : "warning"),
        el("h1", {}, gone ? t("dashboard.gone") : t("dashboard.not_loaded")),
        el("p", {}, gone ? t("dashboard.gone_hint") : error.message),
        gone
          ? el("a.button.primary", { href: "/" }, t("shell.back_home"))
          : button(t("shell.retry"), { kind: "primary", onclick: () => location.reload() }),
      ),
    );
  }

  build() {
    const { id } = this.document;
    const saved = sourceOf(id);
    // A chart that was only just put here is not the dashboard's before it is saved: its data comes from the library.
    const placed = (chart) => chart in this.document.charts;
    this.source = {
      ...saved,
      data: (chart, filters, options) => (placed(chart) ? saved : library).data(chart, filters, options),
    };
    this.base = sane(this.document.filters);
    this.filters = this.base;
    this.bar = new FilterBar({
      spec: () => api.get(`dashboards/${id}/filters?lang=${lang}`),
      values: async (column, query) =>
        (await api.get(`dashboards/${id}/filters/options?${new URLSearchParams({ column, lang, q: query })}`)).values,
      base: this.base,
      onChange: (filters) => this.setFilters(filters),
    });
    this.crossChips = el("div.cross-chips", { hidden: true });
    this.view = new DashboardView({
      source: this.source,
      filtersOf: (item) => this.cross.applied(this.filters, item.id),
      cardOptions: (item, chart) => this.cardOptions(item, chart),
      onLayout: (items) => this.editor.laidOut(items),
      onTab: () => this.toAddress({ push: true }),
      onSettled: () => this.settled(),
      say: (text) => (this.live.textContent = text),
    });
    this.editor = new Editor(this);
    this.television = new Television(this.view, {
      name: () => this.document.title,
      onEnd: () => this.toAddress(),
      onStart: () => this.toAddress(),
    });
    this.bar.element.append(this.crossChips);
    this.place.replaceChildren(this.editor.element, this.bar.element, this.view.element);
    this.drawActions();
  }

  cardOptions(item, chart) {
    return {
      editUrl: `/charts/${item.chart_id}`,
      signIn: () => location.assign(`/sign-in?${new URLSearchParams({ next: location.pathname + location.search })}`),
      onMark: (where, event, card) => this.mark(item, where, event, card),
      filtered: () => !isEmpty(this.cross.applied(this.filters, item.id)),
      onReset: () => this.reset(),
      menu: () => [
        { name: "rows", icon: "rows", label: t("dashboard.drill"), run: () => this.drill(item, chart, []) },
        ...this.editor.menu(item),
      ],
    };
  }

  drawActions() {
    const tv = iconButton("tv", t("dashboard.tv"), { "data-action": "tv", onclick: () => this.television.start() });
    const refresh = iconButton("refresh", t("dashboard.refresh"), {
      "data-action": "refresh",
      onclick: () => this.view.refresh({ refresh: true }),
    });
    const share = button(t("dashboard.share"), {
      icon: "link",
      "data-action": "share",
      onclick: () => openShare(this.document, { filters: this.filters, tab: this.view.tab }),
    });
    const edit = button(t("dashboard.edit"), {
      icon: "edit",
      "data-action": "edit",
      onclick: () => this.editor.start(),
    });
    const more = iconButton("more", t("shell.more"), {
      "aria-haspopup": "menu",
      "aria-expanded": "false",
      "data-action": "more",
      onclick: (event) => this.openMore(event.currentTarget),
    });
    this.actions.replaceChildren(refresh, tv, share, edit, more);
  }

  openMore(anchor) {
    openMenu(anchor, [
      { icon: "link", label: t("dashboard.copy_link"), name: "copy-link", run: () => copy(location.href) },
      { icon: "image", label: t("dashboard.print"), name: "print", run: () => print() },
      { icon: "copy", label: t("dashboard.duplicate"), name: "duplicate", run: () => this.duplicate() },
      null,
      { icon: "trash", label: t("dashboard.delete"), name: "delete", danger: true, run: () => this.remove() },
    ]);
  }

  showDocument(document = this.document) {
    this.title.textContent = document.title;
    globalThis.document.title = `${document.title} · ${t("shell.product")}`;
    this.describe(document);
    this.view.show(document, { tab: this.parameters?.get("tab") ?? this.view.tab });
    this.root.classList.toggle("no-items", document.items.length === 0);
    if (!document.items.length && !this.editor.active) this.invite();
    else this.root.querySelector(".blank")?.remove();
  }

  invite() {
    if (this.root.querySelector(".blank")) return;
    this.view.element.after(
      el(
        "div.blank",
        {},
        icon("dashboard"),
        el("h2", {}, t("dashboard.nothing")),
        el("p", {}, t("dashboard.nothing_hint")),
        button(t("dashboard.add_charts"), {
          icon: "plus",
          kind: "primary",
          onclick: () => this.editor.start({ add: true }),
        }),
      ),
    );
  }

  /** The line below the title: what it is, and how old its data is. */
  describe(document = this.editor.active ? this.editor.document : this.document) {
    const asOf = this.view.asOf();
    this.subtitle.replaceChildren(
      ...[
        document.description,
        asOf && el("span", { title: momentText(asOf), data: { asof: "" } }, t("dashboard.updated", { ago: ago(asOf) })),
      ]
        .filter(Boolean)
        .flatMap((part, at) => (at ? [" · ", part] : [part])),
    );
  }

  settled() {
    if (!this.begun) performance.mark("dashboard-first-chart");
    this.begun = true;
    this.describe();
    if (this.view.settled) performance.mark("dashboard-drawn");
    this.root.dataset.settled = String(Boolean(this.view.settled));
  }

  listen() {
    setInterval(() => {
      this.describe();
      this.view.age();
    }, AGE_MILLISECONDS);
    addEventListener("popstate", () => {
      this.fromAddress();
      this.view.open(this.parameters.get("tab"));
      this.view.refresh();
    });
    addEventListener("keydown", (event) => {
      const typing = event.target.closest?.("input, textarea, select, [contenteditable], dialog, .popover");
      if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "e" && !this.editor.active) this.editor.start();
      if (event.key === "t") this.television.start();
      if (event.key === "Escape" && this.cross.size) this.clearCross();
    });
  }

  /** Show a tab from the next drawing on, whatever the address says. */
  openTab(id) {
    this.view.tab = id;
    this.parameters.delete("tab");
  }

  // -- filters

  setFilters(filters) {
    this.filters = filters;
    this.toAddress({ push: true });
    this.view.refresh();
    this.editor.touched();
  }

  reset() {
    this.cross.clear();
    this.drawCross();
    this.bar.set(this.base);
    this.setFilters(this.base);
  }

  mark(item, where, event, card) {
    if (this.editor.active) return;
    const chart = this.document.charts[item.chart_id];
    if (event?.shiftKey || event?.altKey) {
      this.drill(item, chart, where);
      return;
    }
    const label = where
      .map(({ column, value }) => valueText(value, card.chart.columns.find(({ name }) => name === column)?.kind))
      .join(", ");
    const set = this.cross.toggle(item.id, card.chart, where, label);
    if (set === null) {
      this.drill(item, chart, where);
      return;
    }
    this.drawCross();
    this.toAddress({ push: true });
    this.view.refresh({}, (one) => one.id !== item.id);
    if (set)
      toast(t("dashboard.cross_set", { label }), {
        action: [t("dashboard.drill"), () => this.drill(item, chart, where)],
        seconds: 6,
      });
  }

  clearCross(id = null) {
    const others = [...this.cross.marks.keys()];
    this.cross.clear(id);
    this.drawCross();
    this.toAddress({ push: true });
    this.view.refresh({}, (item) => others.length > 1 || item.id !== others[0]);
  }

  drawCross() {
    for (const card of this.view.cards.values()) {
      const mark = this.cross.marks.get(card.item.id);
      card.element.classList.toggle("source", Boolean(mark));
      if (mark || card.view.chosen) card.view.choose(mark?.where ?? null);
    }
    this.crossChips.hidden = this.cross.size === 0;
    this.crossChips.replaceChildren(
      ...[...this.cross.marks].map(([id, { label }]) => {
        const title = this.document.charts[this.document.items.find((item) => item.id === id)?.chart_id]?.title ?? "";
        return el(
          "span.chip",
          { title },
          icon("filter"),
          el("span", {}, `${title}: ${label}`),
          el(
            "button",
            { type: "button", "aria-label": t("filters.remove", { title: label }), onclick: () => this.clearCross(id) },
            icon("close"),
          ),
        );
      }),
    );
  }

  drill(item, chart, where) {
    openDrill({
      title: chart.title,
      where,
      load: ({ signal }) =>
        this.source.rows(item.chart_id, this.cross.applied(this.filters, item.id), where, { signal }),
    });
  }

  // -- the address

  fromAddress() {
    this.parameters = new URLSearchParams(location.search);
    this.filters = fromParams(this.parameters) ?? this.base;
    this.cross.clear();
    for (const [id, columns, period, where, label] of crossOf(this.parameters))
      this.cross.marks.set(id, {
        ...sane({ columns, period }),
        where: Array.isArray(where) ? where : [],
        label: String(label ?? ""),
      });
    this.bar.set(this.filters);
    this.drawCross();
  }

  toAddress({ push = false } = {}) {
    const parameters = toParams(this.filters, new URLSearchParams());
    if (isEmpty(this.filters) && !isEmpty(this.base)) parameters.set("period", "all");
    if (this.filters === this.base) (parameters.delete("period"), parameters.delete("f"));
    if (this.view.tab && this.view.tab !== this.document.tabs[0]?.id) parameters.set("tab", this.view.tab);
    if (this.cross.size) parameters.set("x", JSON.stringify(this.cross));
    if (this.television.on) parameters.set("tv", "1");
    const query = parameters.toString();
    const address = `${location.pathname}${query ? `?${query}` : ""}`;
    if (address === location.pathname + location.search) return;
    history[push ? "pushState" : "replaceState"](null, "", address);
    this.parameters = parameters;
  }

  // -- the whole

  async remove() {
    const sure = await confirmed({
      title: t("dashboard.delete_title", { title: this.document.title }),
      text: t("dashboard.delete_text"),
      yes: t("shell.delete"),
    });
    if (!sure) return;
    try {
      await api.delete(`dashboards/${this.document.id}`);
      location.assign("/");
    } catch (error) {
      toastError(error);
    }
  }

  async duplicate() {
    const { description, tabs, items, filters } = this.document;
    try {
      const made = await api.post(`dashboards?lang=${lang}`, {
        title: t("dashboard.copy_of", { title: this.document.title }),
        description,
        tabs,
        items,
        filters,
      });
      location.assign(`/dashboards/${made.id}`);
    } catch (error) {
      toastError(error);
    }
  }
}

const library = {
  data: (chart, filters, { refresh, signal }) =>
    api.post(`charts/${chart}/data`, { filters, lang, ...(refresh ? { refresh } : {}) }, { signal }),
};

function crossOf(parameters) {
  try {
    const marks = JSON.parse(parameters.get("x") ?? "[]");
    return Array.isArray(marks)
      ? marks.filter((mark) => Array.isArray(mark) && typeof mark[0] === "string").slice(0, 20)
      : [];
  } catch {
    return [];
  }
}

new DashboardPage(document.getElementById("content")).begin();
