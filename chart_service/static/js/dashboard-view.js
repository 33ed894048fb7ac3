// A dashboard on the page: tabs, grid, cards. Loads and redraws what changed. Knows nothing of editing or of the address.
import { api } from "./api.js";
import { ChartCard } from "./chart-card.js";
import { el } from "./dom.js";
import { Grid } from "./grid.js";
import { lang } from "./i18n.js";
import { forApi } from "./filter-state.js";

const AT_ONCE = 6; // requests: as many as a browser opens to one host
const AHEAD = "800px"; // cards further below the screen are loaded when they come this near, or when all else is done

const whenIdle = globalThis.requestIdleCallback
  ? (run) => requestIdleCallback(run, { timeout: 200 })
  : (run) => setTimeout(run, 50);

/** The API of a dashboard: what a view needs of it. An embedded page gives the same, with its own rights. */
export const sourceOf = (id) => ({
  data: (chart, filters, { refresh, signal }) =>
    api.post(
      `dashboards/${id}/charts/${chart}/data`,
      { filters: forApi(filters), lang, ...(refresh ? { refresh } : {}) },
      { signal },
    ),
  rows: (chart, filters, where, { signal } = {}) =>
    api.post(`dashboards/${id}/charts/${chart}/rows`, { filters: forApi(filters), where, lang }, { signal }),
  file: (chart, filters, kind) =>
    api.file("POST", `dashboards/${id}/charts/${chart}/export.${kind}`, { body: { filters: forApi(filters), lang } }),
});

/**
 * `source` as of `sourceOf`. `cardOptions(item, chart)` adds options to a card; `filtersOf(item)` the filters of a card;
 * `onLayout(items)` hears of changes by a person; `onTab(id)`, `onSettled(view)` of what they say.
 */
export class DashboardView {
  constructor({
    source,
    filtersOf,
    cardOptions = () => ({}),
    onLayout = () => {},
    onTab = () => {},
    onSettled = () => {},
    say = () => {},
  }) {
    Object.assign(this, { source, filtersOf, cardOptions, onTab, onSettled, say });
    this.cards = new Map(); // item id -> ChartCard
    this.waiting = new Set();
    this.tab = null;
    this.tabs = el("div.tabs", { role: "tablist", hidden: true });
    this.grid = new Grid({ onChange: (items) => onLayout(items), say });
    this.near = new IntersectionObserver((entries) => this.approach(entries), { rootMargin: AHEAD });
    this.element = el("div.dashboard", {}, this.tabs, this.grid.element);
    this.grid.element.setAttribute("aria-busy", "true");
  }

  /** Show a document: {tabs, items, charts}. What is there already stays, with its picture. */
  show(document, { tab = this.tab } = {}) {
    this.document = document;
    this.tab = document.tabs.length ? (document.tabs.find(({ id }) => id === tab) ?? document.tabs[0]).id : null;
    this.drawTabs();
    this.drawItems();
  }

  drawTabs() {
    const { tabs } = this.document;
    const focused = this.tabs.contains(document.activeElement);
    this.tabs.hidden = tabs.length === 0;
    this.tabs.replaceChildren(
      ...tabs.map(({ id, title }) =>
        el(
          "button.tab",
          {
            type: "button",
            role: "tab",
            id: `tab-${id}`,
            "aria-selected": String(id === this.tab),
            tabindex: id === this.tab ? "0" : "-1",
            data: { tab: id },
            onclick: () => this.open(id),
            onkeydown: (event) => this.walk(event, id),
          },
          title,
        ),
      ),
    );
    if (focused) this.tabs.querySelector("[aria-selected=true]")?.focus({ preventScroll: true });
    if (this.tab) this.grid.element.setAttribute("aria-labelledby", `tab-${this.tab}`);
    this.grid.element.setAttribute("role", tabs.length ? "tabpanel" : "group");
  }

  walk(event, id) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const { tabs } = this.document;
    const next = tabs[(tabs.findIndex((tab) => tab.id === id) + by + tabs.length) % tabs.length];
    this.open(next.id);
  }

  open(id) {
    if (id === this.tab) return;
    this.tab = id;
    this.drawTabs();
    this.drawItems();
    this.onTab(id);
  }

  items() {
    return this.document.items.filter((item) => item.tab === this.tab || (!this.tab && !item.tab));
  }

  drawItems() {
    const items = this.items();
    const ids = new Set(items.map(({ id }) => id));
    for (const [id, card] of this.cards) if (!ids.has(id)) this.drop(id, card);
    for (const [id] of [...this.grid.elements]) if (!ids.has(id)) this.grid.take(id);
    const fresh = items.filter((item) => this.outdated(item));
    for (const item of fresh) this.make(item);
    this.grid.set(items);
    this.grid.edit(this.grid.editing);
    this.grid.element.setAttribute("aria-busy", "false");
    const made = fresh.filter(({ kind }) => kind === "chart").map(({ id }) => this.cards.get(id));
    for (const card of made) this.near.observe(card.element);
    if (!made.length) this.settle();
  }

  /** Whether an item is not on the page as it is now. */
  outdated(item) {
    const there = this.grid.elements.get(item.id);
    return !there || there.made !== this.making(item);
  }

  making(item) {
    const chart = this.document.charts[item.chart_id];
    return JSON.stringify([
      item.kind,
      item.chart_id,
      item.text,
      chart?.title,
      chart?.description,
      chart?.template,
      chart?.sql,
    ]);
  }

  drop(id, card) {
    this.near.unobserve(card.element);
    this.waiting.delete(card);
    card.destroy();
    this.cards.delete(id);
    this.grid.take(id);
  }

  make(item) {
    const old = this.cards.get(item.id);
    if (old) this.drop(item.id, old);
    else this.grid.take(item.id);
    const [element, label] = item.kind === "chart" ? this.makeCard(item) : [words(item), item.text.slice(0, 60)];
    this.grid.put(item.id, element, label);
    this.grid.elements.get(item.id).made = this.making(item);
  }

  makeCard(item) {
    const chart = this.document.charts[item.chart_id];
    const filters = () => this.filtersOf(item);
    const card = new ChartCard({
      title: chart.title,
      subtitle: chart.description,
      sql: chart.sql ?? null,
      format: chart.template?.format,
      load: ({ signal, refresh }) => this.source.data(item.chart_id, filters(), { signal, refresh }),
      exportAs: (kind) => this.source.file(item.chart_id, filters(), kind),
      onSettled: () => this.settle(),
      ...this.cardOptions(item, chart),
    });
    card.item = item;
    this.cards.set(item.id, card);
    return [card.element, chart.title];
  }

  approach(entries) {
    const cards = new Map([...this.cards.values()].map((card) => [card.element, card]));
    const due = entries
      .filter(({ isIntersecting }) => isIntersecting)
      .map(({ target }) => cards.get(target))
      .filter(Boolean);
    for (const card of due) this.near.unobserve(card.element);
    this.queue(due);
    if (!due.length && !this.waiting.size) this.settle();
  }

  /** Load cards, those on top first, a few at a time. */
  queue(cards, options = {}) {
    const order = (card) => this.grid.items.findIndex(({ id }) => id === card.item.id);
    for (const card of [...cards].sort(
      (one, two) => rank(one, this.grid) - rank(two, this.grid) || order(one) - order(two),
    )) {
      card.due = options;
      this.waiting.add(card);
    }
    this.pump();
  }

  pump() {
    this.running ??= 0;
    while (this.running < AT_ONCE && this.waiting.size) {
      const [card] = this.waiting;
      this.waiting.delete(card);
      this.running += 1;
      card.refresh(card.due).finally(() => {
        this.running -= 1;
        this.pump();
      });
    }
    if (!this.running && !this.waiting.size) whenIdle(() => this.idle());
  }

  /** With nothing else to do, load what is further below than anybody has come yet. */
  idle() {
    const rest = [...this.cards.values()].filter((card) => !card.abort);
    for (const card of rest) this.near.unobserve(card.element);
    if (rest.length && !this.running) this.queue(rest.slice(0, AT_ONCE));
  }

  /** Load every card of the open tab again: filters changed, or data did. Those not yet seen wait for their turn. */
  refresh(options = {}, only = () => true) {
    const cards = [...this.cards.values()].filter(
      (card) => only(card.item) && (card.element.dataset.state || card.chart || card.abort),
    );
    this.queue(cards, options);
  }

  settle() {
    const cards = [...this.cards.values()];
    this.settled = this.waiting.size === 0 && cards.every((card) => card.element.dataset.state);
    this.onSettled(this);
  }

  /** The oldest moment that a chart on the page is of. */
  asOf() {
    return (
      [...this.cards.values()]
        .map((card) => card.chart?.as_of)
        .filter(Boolean)
        .sort()[0] ?? null
    );
  }

  age() {
    for (const card of this.cards.values()) card.age();
  }
}

const rank = (card, grid) => grid.items.find(({ id }) => id === card.item.id)?.y ?? 0;

/** A heading, or a text in paragraphs. */
function words(item) {
  if (item.kind === "heading") return el("div.grid-heading", {}, el("h2", {}, item.text));
  return el(
    "div.grid-text",
    {},
    item.text.split(/\n{2,}/).map((paragraph) => el("p", {}, paragraph)),
  );
}
