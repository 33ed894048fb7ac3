// The popovers that choose values of a column, and a column.
import { button, debounce, el, icon } from "./dom.js";
import { locale, number, t } from "./i18n.js";

export const MOST = 200; // values and columns in a list; the service gives no more, so with as many a search asks it again
const SEARCH_FROM = 8; // values; fewer need no search
const PAUSE_MILLISECONDS = 250;

const lower = (text) => text.toLocaleLowerCase(locale);
const labelOf = ({ value, label }) => (value === null ? t("filters.is_null") : (label ?? String(value)));
const searchField = (placeholder, oninput) =>
  el(
    "label.search",
    {},
    icon("search"),
    el("input.input", { type: "search", "aria-label": placeholder, placeholder, oninput }),
  );

/** What stands there while values are loaded. */
export const valuesLoading = () =>
  el(
    "div.values-loading",
    { "aria-busy": "true" },
    [80, 60, 70].map((width) => el("span.skeleton", { style: { width: `${width}%` } })),
  );

/**
 * The values of a column with ticks, each of which applies at once, after a moment for more of them.
 *
 * `values` is the list of {value, label, count} that is known, and grows by what `search(query)` finds; `filter` the
 * present filter or null; `change(filter or null)` hears of a choice; `contains`: texts can be searched within.
 */
export class ValuePicker {
  constructor({ title, values, filter, change, search, contains }) {
    Object.assign(this, { values, search, change, contains });
    this.before = filter?.values ?? [];
    this.chosen = new Set(filter?.op === "in" || filter?.op === "not_in" ? this.before.map(String) : []);
    if (filter?.op === "is_null") this.chosen.add("null");
    this.except = filter?.op === "not_in";
    this.tell = debounce(PAUSE_MILLISECONDS, () => this.change(this.filter()));
    this.ask = debounce(PAUSE_MILLISECONDS, (query) => this.find(query));
    this.list = el("div.values", { role: "group", "aria-label": t("filters.values_of", { title }) });
    this.field =
      values.length >= SEARCH_FROM && searchField(t("shell.search"), (event) => this.typed(event.target.value.trim()));
    this.show("");
  }

  /** What the popover shows. */
  content() {
    const clear = () => {
      this.chosen.clear();
      this.show(this.query);
      this.tell();
    };
    const except = (on) => {
      this.except = on;
      this.tell();
    };
    const foot = el(
      "div.values-foot",
      {},
      tick(t("filters.all_but"), this.except, null, except),
      button(t("filters.clear"), { kind: "quiet", onclick: clear }),
    );
    return [this.field || "", this.list, foot];
  }

  /** The ticks as a filter; null where nothing is ticked. Values that were set but are not listed stay set. */
  filter() {
    const all = [...this.values.map(({ value }) => value), ...this.before];
    const picked = all.filter(
      (value, at) => this.chosen.has(String(value)) && all.findIndex((one) => String(one) === String(value)) === at,
    );
    if (!picked.length) return null;
    if (picked.length === 1 && picked[0] === null) return { op: this.except ? "not_null" : "is_null" };
    return { op: this.except ? "not_in" : "in", values: picked };
  }

  typed(query) {
    this.show(query);
    if (query && this.values.length >= MOST) this.ask(query);
  }

  async find(query) {
    const found = await this.search(query).catch(() => []); // what is listed already was searched, too
    for (const one of found) if (!this.values.some(({ value }) => value === one.value)) this.values.push(one);
    if (this.list.isConnected && this.query === query) this.show(query);
  }

  show(query) {
    this.query = query;
    const ticked = (one) => this.chosen.has(String(one.value));
    const found = this.values.filter((one) => lower(labelOf(one)).includes(lower(query)));
    found.sort((one, two) => ticked(two) - ticked(one));
    const within = () => this.change({ op: "contains", values: [query] }, { done: true });
    this.list.replaceChildren(
      ...found.slice(0, MOST).map((one) => tick(labelOf(one), ticked(one), one.count, (on) => this.turn(one, on))),
      ...(query && this.contains
        ? [el("button.menu-item", { type: "button", onclick: within }, t("filters.contains_text", { text: query }))]
        : []),
      ...(found.length ? [] : [el("p.values-none", {}, t("filters.nothing_found"))]),
    );
  }

  turn({ value }, on) {
    this.chosen[on ? "add" : "delete"](String(value));
    this.tell();
  }
}

/** A list of columns with a search; `choose(column)` gets the one that is picked. */
export function columnPicker(columns, choose) {
  const list = el("div.values");
  const show = (query) => {
    const words = ({ title, column, view }) => lower(`${title} ${column} ${view ?? ""}`);
    const found = columns.filter((one) => words(one).includes(lower(query))).slice(0, MOST);
    list.replaceChildren(
      ...found.map((one) =>
        el(
          "button.menu-item",
          { type: "button", onclick: () => choose(one) },
          el("span", {}, one.title),
          one.view && el("span.tick.muted.small", {}, one.view),
        ),
      ),
      ...(found.length ? [] : [el("p.values-none", {}, t("filters.nothing_found"))]),
    );
  };
  show("");
  return el(
    "div.values-popover",
    {},
    searchField(t("filters.find_column"), (event) => show(event.target.value)),
    list,
  );
}

const tick = (label, on, count, change) =>
  el(
    "label.checkbox",
    {},
    el("input", {
      type: "checkbox",
      ...(on ? { checked: true } : {}),
      onchange: (event) => change(event.target.checked),
    }),
    el("span", {}, label),
    count ? el("span.count", {}, number(count)) : null,
  );
