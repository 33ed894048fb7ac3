// A dashboard in a frame: of a host that speaks Superset's protocol, or behind a link. Shows what its token lets it see.
import { api, setHeader } from "./api.js";
import { CrossFilters } from "./cross.js";
import { DashboardView, sourceOf } from "./dashboard-view.js";
import { asked, maskOf } from "./data-mask.js";
import { button, el, icon } from "./dom.js";
import { toastError } from "./dialog.js";
import { openDrill } from "./drill.js";
import { FilterBar } from "./filters.js";
import { forApi, isEmpty, sane } from "./filter-state.js";
import { setMode, setThemeConfig } from "./host-theme.js";
import { lang, t } from "./i18n.js";
import { data as given } from "./page.js";
import { Switchboard } from "./switchboard.js";
import { valueText } from "./table.js";

const HEADER = "X-GuestToken";
const TOKEN_MILLISECONDS = 15_000; // the host tries every 10 s for a new token when it could not get one
const REFRESH_MILLISECONDS = 5 * 60_000;
const AGE_MILLISECONDS = 30_000;
const HIDE_TITLE = 1, HIDE_TABS = 2, HIDE_CONTROLS = 8, EMIT_MASKS = 16, LIMIT_WARNING = 32;

class EmbeddedDashboard {
  constructor(root) {
    this.root = root;
    this.one = (name) => root.querySelector(`[data-${name}]`);
    this.params = new URLSearchParams(location.search);
    this.uiConfig = this.params.has("uiConfig") ? Number.parseInt(this.params.get("uiConfig"), 10) || 0 : null;
    this.cross = new CrossFilters();
    this.filters = sane({});
    this.tokenWaiters = new Set();
    this.host = new Switchboard({ origins: given.origins, methods: this.methods() });
  }

  has(bit) {
    return this.uiConfig !== null && (this.uiConfig & bit) !== 0;
  }

  begin() {
    document.documentElement.classList.toggle("no-limit-warning", this.uiConfig !== null && !this.has(LIMIT_WARNING));
    if (given.kind === "shared") return this.visit();
    this.host.listen();
    if (window.parent === window) return this.blank("info", t("embedded.alone"));
    this.notice(t("embedded.waiting"), "info");
    this.patience = setTimeout(() => this.notice(t("embedded.no_token"), "warning"), TOKEN_MILLISECONDS);
  }

  /** What the host may call. Each answers with what there is, also before anything is drawn. */
  methods() {
    const none = { error: true, message: "There is no such chart." };
    return {
      guestToken: ({ guestToken }) => this.take(guestToken),
      getScrollSize: () => ({ width: document.body.scrollWidth, height: document.body.scrollHeight }),
      getDashboardPermalink: ({ anchor }) => this.permalink(anchor),
      getActiveTabs: () => (this.view?.tab ? [this.view.tab] : []),
      getDataMask: () => maskOf(this.filters),
      getChartStates: () => Object.fromEntries(this.cards().map((card) => [card.item.chart_id, { format: card.chart?.format ?? null, asTable: card.view.asTable }])),
      getChartDataPayloads: ({ chartId }) => {
        const found = Object.fromEntries(this.cards().map((card) => [card.item.chart_id, { filters: forApi(this.cross.applied(this.filters, card.item.id)), lang }]));
        if (chartId === undefined || chartId === null) return found;
        return { [chartId]: found[chartId] ?? none };
      },
      setThemeConfig: ({ themeConfig }) => setThemeConfig(themeConfig),
      setThemeMode: ({ mode }) => setMode(mode),
    };
  }

  cards() {
    return [...(this.view?.cards.values() ?? [])];
  }

  // -- tokens

  /** The first token opens the dashboard; later ones are only used from then on. */
  take(token) {
    setHeader(HEADER, token);
    clearTimeout(this.patience);
    for (const go of this.tokenWaiters) go(true);
    this.tokenWaiters.clear();
    if (!this.document) return this.open();
    this.notice(null);
    const failed = this.cards().filter((card) => card.failed || card.stale);
    if (failed.length) this.view.refresh({}, (item) => failed.some((card) => card.item === item));
  }

  nextToken() {
    return new Promise((resolve) => {
      this.tokenWaiters.add(resolve);
      setTimeout(() => this.tokenWaiters.delete(resolve) && resolve(false), TOKEN_MILLISECONDS);
    });
  }

  /** Ask for something; where the token has ended meanwhile, once more with the next one. */
  async attempt(run) {
    try {
      return await run();
    } catch (error) {
      if (error.status !== 401 || given.kind === "shared") throw error;
      if (!(await this.nextToken())) throw error;
      return run();
    }
  }

  // -- links

  async visit(password = null) {
    try {
      const { token } = await api.post("shared/visit", { token: given.token, password });
      setHeader(HEADER, token);
      await this.open();
    } catch (error) {
      if (error.code === "password_needed" || error.code === "wrong_password") this.askPassword(error.code === "wrong_password" ? t("embedded.wrong_password") : null);
      else if (error.status === 429) this.askPassword(error.message);
      else this.blank("warning", error.status === 410 ? t("embedded.gone") : error.message);
    }
  }

  askPassword(problem) {
    const input = el("input.input", { type: "password", autocomplete: "off", maxlength: "200", required: true, "aria-invalid": problem ? "true" : null });
    const form = el("form.ask-password", { onsubmit: (event) => { event.preventDefault(); this.visit(input.value); } },
      el("label.field", {}, el("span", {}, t("embedded.password")), input),
      problem && el("p.notice.bad", { role: "alert" }, problem), button(t("embedded.open"), { kind: "primary", type: "submit" }));
    this.one("dashboard").replaceChildren(el("div.blank", {}, icon("info"), el("h1", {}, t("embedded.password_title")), form));
    input.focus();
  }

  // -- the dashboard

  async open() {
    if (this.opening) return;
    this.opening = true;
    try {
      const path = given.kind === "shared" ? "shared/dashboard" : `embedded/${given.uuid}`;
      const { dashboard, allow_export: mayExport, allow_rows: mayDrill } = await this.attempt(() => api.get(`${path}?lang=${lang}`));
      Object.assign(this, { document: dashboard, mayExport, mayDrill });
      this.filters = asked(this.params, given.filters) ?? sane(dashboard.filters);
      const tab = await this.restore();
      this.build(tab);
    } catch (error) {
      this.document = null;
      const refused = error.status === 401 || error.status === 403;
      this.blank("warning", refused ? t("embedded.refused") : t("embedded.not_loaded"), refused ? null : error.message);
    } finally {
      this.opening = false;
    }
  }

  /** Filters and tab of a permalink, where the address names one that is still known. */
  async restore() {
    const key = this.params.get("permalink_key") ?? this.params.get("native_filters_key");
    if (!key) return null;
    try {
      const { filters, tab } = await api.get(`dashboards/${this.document.id}/permalinks/${encodeURIComponent(key)}`);
      this.filters = sane(filters);
      return tab;
    } catch {
      return null;
    }
  }

  build(tab) {
    const { id, title, description, items } = this.document;
    document.title = title;
    const head = this.one("head");
    head.querySelector("h1").textContent = title;
    this.one("description").textContent = description;
    head.hidden = this.has(HIDE_TITLE);
    this.notice(null);
    if (!items.length) return this.blank("blank-small", t("embedded.empty"));
    this.source = sourceOf(id);
    this.view = new DashboardView({
      source: this.source,
      filtersOf: (item) => this.cross.applied(this.filters, item.id),
      cardOptions: (item, chart) => this.cardOptions(item, chart),
      onSettled: (view) => (this.root.dataset.settled = String(Boolean(view.settled))),
      say: (text) => (this.one("live").textContent = text),
    });
    if (this.has(HIDE_TABS)) this.view.tabs.classList.add("visually-hidden");
    this.crossChips = el("div.cross-chips", { hidden: true });
    const place = this.one("dashboard");
    place.replaceChildren(...this.buildFilters(), this.crossChips, this.view.element);
    place.setAttribute("aria-busy", "false");
    this.view.show(this.document, { tab });
    setInterval(() => this.view.age(), AGE_MILLISECONDS);
    setInterval(() => this.view.refresh(), REFRESH_MILLISECONDS); // answered from memory while the data is the same
  }

  buildFilters() {
    if (this.params.get("show_filters") === "false") return [];
    const { id } = this.document;
    const bar = (this.bar = new FilterBar({
      spec: () => this.attempt(() => api.get(`dashboards/${id}/filters?lang=${lang}`)),
      values: async (column) => (await this.attempt(() => api.get(`dashboards/${id}/filters/options?column=${encodeURIComponent(column)}&lang=${lang}`))).values,
      base: sane(this.document.filters),
      onChange: (filters) => this.setFilters(filters),
    }));
    bar.set(this.filters);
    bar.begin().catch(toastError);
    if (this.params.get("expand_filters") !== "false") return [bar.element];
    bar.element.hidden = true;
    const toggle = button(t("embedded.filters"), { icon: "filter", "aria-expanded": "false", onclick: () => {
      bar.element.hidden = !bar.element.hidden;
      toggle.setAttribute("aria-expanded", String(!bar.element.hidden));
    } });
    toggle.classList.add("filter-toggle");
    return [toggle, bar.element];
  }

  cardOptions(item, chart) {
    const filters = () => this.cross.applied(this.filters, item.id);
    return {
      controls: !this.has(HIDE_CONTROLS),
      load: (options) => this.load(item, filters(), options),
      exportAs: this.mayExport ? (kind) => this.attempt(() => this.source.file(item.chart_id, filters(), kind)) : null,
      onMark: (where, event, card) => this.mark(item, chart, where, card),
      filtered: () => !isEmpty(filters()),
      onReset: () => this.reset(),
      menu: () => (this.mayDrill ? [{ name: "rows", icon: "rows", label: t("dashboard.drill"), run: () => this.drill(item, chart, []) }] : []),
    };
  }

  /** A chart's data. Without access, what is drawn stays, and the page says so. */
  async load(item, filters, options) {
    const card = this.view.cards.get(item.id);
    try {
      const chart = await this.attempt(() => this.source.data(item.chart_id, filters, options));
      if (card) card.stale = false;
      return chart;
    } catch (error) {
      if ((error.status !== 401 && error.status !== 403) || !card?.chart) throw error;
      card.stale = true;
      this.notice(t(error.status === 401 ? "embedded.expired" : "embedded.refused"), "warning");
      return card.chart;
    }
  }

  // -- filters

  setFilters(filters) {
    this.filters = filters;
    this.view.refresh();
    this.tell({ nativeFiltersChanged: true, crossFiltersChanged: false });
  }

  reset() {
    this.cross.clear();
    this.drawCross();
    const base = sane(this.document.filters);
    this.bar?.set(base);
    this.setFilters(base);
  }

  mark(item, chart, where, card) {
    const label = where.map(({ column, value }) => valueText(value, card.chart.columns.find(({ name }) => name === column)?.kind)).join(", ");
    if (this.cross.toggle(item.id, card.chart, where, label) === null) {
      if (this.mayDrill) this.drill(item, chart, where);
      return;
    }
    this.crossed((one) => one.id !== item.id);
  }

  crossed(only) {
    this.drawCross();
    this.view.refresh({}, only);
    this.tell({ nativeFiltersChanged: false, crossFiltersChanged: true });
  }

  drawCross() {
    for (const card of this.cards()) card.element.classList.toggle("source", this.cross.marks.has(card.item.id));
    this.crossChips.hidden = this.cross.size === 0;
    this.crossChips.replaceChildren(...[...this.cross.marks].map(([id, { label }]) => el("span.chip", {}, icon("filter"), el("span", {}, label),
      el("button", { type: "button", "aria-label": t("filters.remove", { title: label }), onclick: () => { this.cross.clear(id); this.crossed(() => true); } }, icon("close")))));
  }

  drill(item, chart, where) {
    const load = ({ signal }) => this.attempt(() => this.source.rows(item.chart_id, this.cross.applied(this.filters, item.id), where, { signal }));
    openDrill({ title: chart.title, where, load });
  }

  tell(changed) {
    if (this.has(EMIT_MASKS)) this.host.emit("observeDataMask", { ...maskOf(this.filters), ...changed });
  }

  /** The host's own address for this state, or else ours. */
  async permalink(anchor) {
    if (!this.document) return location.href;
    const { key, url } = await this.attempt(() => api.post(`dashboards/${this.document.id}/permalink`, { filters: this.filters, tab: this.view?.tab ?? null }));
    const own = await this.host.get("resolvePermalinkUrl", { key });
    return typeof own === "string" && own ? own : url + (typeof anchor === "string" && anchor ? `#${encodeURIComponent(anchor)}` : "");
  }

  // -- what is said

  notice(text, kind = "info") {
    this.one("notice").replaceChildren(...(text ? [el(`p.notice${kind === "warning" ? ".warn" : ""}`, {}, icon(kind), text)] : []));
  }

  blank(name, title, text = null) {
    this.notice(null);
    this.one("dashboard").setAttribute("aria-busy", "false");
    this.one("dashboard").replaceChildren(el("div.blank", {}, icon(name), el("h1", {}, title), text && el("p", {}, text)));
  }
}

new EmbeddedDashboard(document.getElementById("content")).begin();
