// The filter bar: a button for the period and for each filter, its values in a popover, chips for what else is set.
import { button, debounce, el, icon } from "./dom.js";
import { dateText, locale, number, t } from "./i18n.js";
import { closePopover, openPopover } from "./menu.js";
import { PRESETS, periodOf, periodText, preset, shifted } from "./periods.js";
import { NONE, columnFilter, same, withColumn } from "./filter-state.js";

const SEARCH_FROM = 8; // values; fewer need no search
const SHOWN = 200; // values; the service gives no more, so with as many a search asks it again

/**
 * `spec()` answers {period: {columns}, filters: [{column, title, values}], columns: [{column, title, kind}]};
 * `values(column, query)` the existing values of any column: [{value, label, count}], those of most rows, whose labels hold
 * the query. `onChange(filters)` hears of each change.
 * `base` are the filters to go back to.
 */
export class FilterBar {
  constructor({ spec, values, onChange, base = NONE, actions = [] }) {
    Object.assign(this, { load: spec, values, onChange, base, filters: base });
    this.spec = { period: null, filters: [], columns: [] };
    this.labels = new Map();
    this.known = new Map();
    this.pills = el("div.filter-pills", { role: "group", "aria-label": t("filters.title") });
    this.element = el("div.filters.no-print", {}, this.pills, actions.length ? el("div.filter-actions", {}, actions) : null);
    this.draw();
  }

  /** Load what can be filtered. The bar works before that with what is set. */
  async begin() {
    this.spec = await this.load();
    for (const { column, values } of this.spec.filters) if (values) this.learn(column, values);
    this.draw();
  }

  learn(column, values) {
    this.known.set(column, values);
    for (const { value, label } of values) this.labels.set(`${column}\u0000${value}`, label ?? String(value));
  }

  set(filters) {
    this.filters = filters;
    this.draw();
  }

  change(filters) {
    if (same(filters, this.filters)) return;
    this.set(filters);
    this.onChange(filters);
  }

  draw() {
    const focus = this.pills.contains(document.activeElement) ? document.activeElement.dataset.pill : null;
    const listed = new Set(this.spec.filters.map(({ column }) => column));
    const free = this.filters.columns.filter(({ column }) => !listed.has(column));
    this.pills.replaceChildren(
      this.pill("period", "calendar", t("filters.period"), periodText(this.filters.period), Boolean(this.filters.period), (anchor) => this.openPeriod(anchor)),
      ...this.spec.filters.map(({ column, title }) => this.columnPill(column, title)),
      ...free.map(({ column }) => this.columnPill(column, this.titleOf(column), true)),
      this.spec.columns.length ? el("button.pill.add", { type: "button", data: { pill: "add" }, "aria-haspopup": "dialog", "aria-expanded": "false", onclick: (event) => this.openColumns(event.currentTarget) }, icon("plus"), t("filters.add")) : "",
      same(this.filters, this.base) ? "" : el("button.pill.reset", { type: "button", data: { pill: "reset" }, onclick: () => this.change(this.base) }, t("filters.reset")),
    );
    if (focus) (this.pills.querySelector(`[data-pill="${CSS.escape(focus)}"]`) ?? this.pills.firstElementChild).focus({ preventScroll: true });
  }

  titleOf(column) {
    const bare = column.split(".").at(-1);
    return [...this.spec.filters, ...this.spec.columns].find((one) => one.column === column || one.column.split(".").at(-1) === bare)?.title ?? column;
  }

  isText(column) {
    return this.spec.columns.find((one) => one.column === column)?.kind === "text";
  }

  pill(name, iconName, title, value, active, open, remove = null) {
    const opener = el(`button.pill${active ? ".active" : ""}`, { type: "button", data: { pill: name }, "aria-haspopup": "dialog", "aria-expanded": "false", title: `${title}: ${value}`, onclick: (event) => open(event.currentTarget) },
      iconName && icon(iconName), el("span.pill-title", {}, title), el("span.pill-value", {}, value), !remove && icon("down"));
    if (!remove) return opener;
    return el("span.pill-with-close", {}, opener, el("button.pill-close", { type: "button", "aria-label": t("filters.remove", { title }), onclick: remove }, icon("close")));
  }

  columnPill(column, title, free = false) {
    const filter = columnFilter(this.filters, column);
    const remove = filter && (() => this.change(withColumn(this.filters, column, null)));
    return this.pill(column, null, title, this.wording(column, filter), Boolean(filter), (anchor) => this.openColumn(anchor, column, title), free || filter ? remove : null);
  }

  /** What a filter lets through, in words: "Иванов", "3 значения", "кроме…". */
  wording(column, filter) {
    if (!filter) return t("filters.any");
    const { op, values } = filter;
    if (op === "is_null" || op === "not_null") return t(`filters.${op}`);
    if (op === "contains") return t("filters.contains_text", { text: values.join(", ") });
    if (op === "between") return values.map((value) => this.labelOf(column, value)).join(" — ");
    const list = values.length > 2 ? t("filters.values", { n: values.length }) : values.map((value) => this.labelOf(column, value)).join(", ");
    return op === "not_in" ? t("filters.except", { list }) : list;
  }

  labelOf(column, value) {
    const label = this.labels.get(`${column}\u0000${value}`);
    if (label !== undefined) return label;
    if (typeof value === "string" && /^\d{4}-\d{2}-\d{2}$/.test(value)) return dateText(value);
    return value === null ? t("filters.is_null") : typeof value === "number" ? number(value) : String(value);
  }

  openPeriod(anchor) {
    const chosen = this.filters.period;
    const choose = (period) => {
      closePopover();
      this.change({ ...this.filters, period: period && { column: chosen?.column ?? null, ...period } });
    };
    const from = el("input.input", { type: "date", "aria-label": t("filters.from") });
    const to = el("input.input", { type: "date", "aria-label": t("filters.to") });
    if (chosen) [from.value, to.value] = [chosen.from, shifted(chosen.to, -1)];
    const apply = () => {
      const period = from.value && to.value ? periodOf({ from: from.value, to: shifted(to.value, 1) }) : null;
      to.setAttribute("aria-invalid", String(!period));
      if (period) choose(period);
    };
    const item = (label, on, run) => el("button.menu-item", { type: "button", "aria-pressed": String(on), onclick: run }, el("span", {}, label), on && el("span.tick", {}, icon("check")));
    openPopover(anchor, el("div.period-popover", {},
      el("div.period-presets", {}, item(t("filters.all_time"), !chosen, () => choose(null)), PRESETS.map((name) => item(t(`filters.preset_${name}`), chosen?.preset === name, () => choose(preset(name))))),
      el("form.period-dates", { onsubmit: (event) => { event.preventDefault(); apply(); } },
        el("label.field", {}, el("span", {}, t("filters.from")), from), el("label.field", {}, el("span", {}, t("filters.to")), to),
        button(t("filters.apply"), { kind: "primary", type: "submit" }), this.periodColumn(chosen)),
    ), { role: "dialog", label: t("filters.period"), align: "start", wide: true });
    document.querySelector(".period-presets button")?.focus({ preventScroll: true });
  }

  /** Which date the period is about, where a person may choose. */
  periodColumn(chosen) {
    const columns = this.spec.period?.columns ?? [];
    if (!columns.length) return null;
    const select = el("select.select", { onchange: () => chosen && this.change({ ...this.filters, period: { ...this.filters.period, column: select.value || null } }) },
      el("option", { value: "" }, t("filters.by_usual_date")), columns.map(({ column, title }) => el("option", { value: column }, title)));
    select.value = chosen?.column ?? "";
    return el("label.field", {}, el("span", {}, t("filters.by_date")), select);
  }

  async openColumn(anchor, column, title) {
    const filter = columnFilter(this.filters, column);
    const body = el("div.values-popover", {}, el("div.values-loading", { "aria-busy": "true" }, [80, 60, 70].map((width) => el("span.skeleton", { style: { width: `${width}%` } }))));
    openPopover(anchor, body, { role: "dialog", label: title, align: "start" });
    try {
      if (!this.known.has(column)) this.learn(column, await this.values(column, ""));
    } catch (error) {
      return body.replaceChildren(el("p.values-none", { role: "alert" }, error.message));
    }
    if (body.isConnected) body.replaceChildren(...this.valueList(column, filter, this.known.get(column)));
    body.querySelector("input")?.focus({ preventScroll: true });
  }

  /** The values of a column with ticks; each tick applies at once, after a moment for more of them. */
  valueList(column, filter, values) {
    const chosen = new Set(filter?.op === "in" || filter?.op === "not_in" ? filter.values.map(String) : []);
    let except = filter?.op === "not_in";
    const tell = debounce(250, () => {
      const picked = [...values, ...(filter?.values ?? []).map((value) => ({ value }))].map(({ value }) => value).filter((value, at, all) => chosen.has(String(value)) && all.findIndex((one) => String(one) === String(value)) === at);
      const set = picked.filter((value) => value !== null);
      const next = picked.includes(null) && !set.length ? { op: except ? "not_null" : "is_null" } : { op: except ? "not_in" : "in", values: set };
      this.change(withColumn(this.filters, column, picked.length ? next : null));
    });
    if (filter?.op === "is_null") chosen.add("null");
    const list = el("div.values", { role: "group", "aria-label": t("filters.values_of", { title: this.titleOf(column) }) });
    const tickOf = ({ value, label, count }) => tick(value === null ? t("filters.is_null") : label ?? String(value), chosen.has(String(value)), count, (on) => {
      chosen[on ? "add" : "delete"](String(value));
      tell();
    });
    const show = (found, query) => list.replaceChildren(...found.slice(0, SHOWN).map(tickOf),
      ...(query && this.isText(column) ? [el("button.menu-item", { type: "button", onclick: () => { closePopover(); this.change(withColumn(this.filters, column, { op: "contains", values: [query] })); } }, t("filters.contains_text", { text: query }))] : []),
      ...(found.length ? [] : [el("p.values-none", {}, t("filters.nothing_found"))]));
    const fill = (query) => {
      const wanted = query.toLocaleLowerCase(locale);
      const found = values.filter(({ value, label }) => (label ?? String(value)).toLocaleLowerCase(locale).includes(wanted));
      found.sort((one, two) => chosen.has(String(two.value)) - chosen.has(String(one.value)));
      show(found, query);
    };
    const ask = debounce(250, async (query) => {
      const found = await this.values(column, query).catch(() => []); // what is listed already was searched, too
      for (const one of found) if (!values.some(({ value }) => value === one.value)) values.push(one);
      this.learn(column, values);
      if (list.isConnected && search.querySelector("input").value.trim() === query) fill(query);
    });
    fill("");
    const many = values.length >= SHOWN;
    const search = values.length >= SEARCH_FROM && el("label.search", {}, icon("search"), el("input.input", { type: "search", "aria-label": t("shell.search"), placeholder: t("shell.search"), oninput: (event) => {
      const query = event.target.value.trim();
      fill(query);
      if (many && query) ask(query);
    } }));
    const side = el("div.values-foot", {}, tick(t("filters.all_but"), except, null, (on) => { except = on; tell(); }),
      button(t("filters.clear"), { kind: "quiet", onclick: () => { chosen.clear(); fill(""); tell(); } }));
    return [search || "", list, side];
  }

  openColumns(anchor) {
    const list = el("div.values");
    const fill = (query) => {
      const wanted = query.toLocaleLowerCase(locale);
      const found = this.spec.columns.filter(({ title, column, view }) => `${title} ${column} ${view ?? ""}`.toLocaleLowerCase(locale).includes(wanted)).slice(0, SHOWN);
      list.replaceChildren(...found.map(({ column, title, view }) => el("button.menu-item", { type: "button", onclick: () => {
        closePopover({ refocus: false });
        this.openColumn(this.pills.querySelector("[data-pill=add]"), column, title);
      } }, el("span", {}, title), view && el("span.tick.muted.small", {}, view))));
      if (!found.length) list.append(el("p.values-none", {}, t("filters.nothing_found")));
    };
    fill("");
    const input = el("input.input", { type: "search", "aria-label": t("shell.search"), placeholder: t("filters.find_column"), oninput: (event) => fill(event.target.value) });
    openPopover(anchor, el("div.values-popover", {}, el("label.search", {}, icon("search"), input), list), { role: "dialog", label: t("filters.add"), align: "start" });
    input.focus({ preventScroll: true });
  }
}

const tick = (label, on, count, change) => el("label.checkbox", {}, el("input", { type: "checkbox", ...(on ? { checked: true } : {}), onchange: (event) => change(event.target.checked) }), el("span", {}, label), count ? el("span.count", {}, number(count)) : null);
