// The filter bar: a button for the period and for each filter, its values in a popover, chips for what else is set.
import { el, icon } from "./dom.js";
import { NONE, columnFilter, same, withColumn } from "./filter-state.js";
import { dateText, number, t } from "./i18n.js";
import { closePopover, openPopover } from "./menu.js";
import { periodPicker } from "./period-picker.js";
import { periodText } from "./periods.js";
import { ValuePicker, columnPicker, valuesLoading } from "./value-picker.js";

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
    this.element = el(
      "div.filters.no-print",
      {},
      this.pills,
      actions.length ? el("div.filter-actions", {}, actions) : null,
    );
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
      this.pill(
        "period",
        "calendar",
        t("filters.period"),
        periodText(this.filters.period),
        Boolean(this.filters.period),
        (anchor) => this.openPeriod(anchor),
      ),
      ...this.spec.filters.map(({ column, title }) => this.columnPill(column, title)),
      ...free.map(({ column }) => this.columnPill(column, this.titleOf(column), true)),
      this.spec.columns.length
        ? el(
            "button.pill.add",
            {
              type: "button",
              data: { pill: "add" },
              "aria-haspopup": "dialog",
              "aria-expanded": "false",
              onclick: (event) => this.openColumns(event.currentTarget),
            },
            icon("plus"),
            t("filters.add"),
          )
        : "",
      same(this.filters, this.base)
        ? ""
        : el(
            "button.pill.reset",
            { type: "button", data: { pill: "reset" }, onclick: () => this.change(this.base) },
            t("filters.reset"),
          ),
    );
    if (focus)
      (this.pills.querySelector(`[data-pill="${CSS.escape(focus)}"]`) ?? this.pills.firstElementChild).focus({
        preventScroll: true,
      });
  }

  titleOf(column) {
    const bare = column.split(".").at(-1);
    return (
      [...this.spec.filters, ...this.spec.columns].find(
        (one) => one.column === column || one.column.split(".").at(-1) === bare,
      )?.title ?? column
    );
  }

  pill(name, iconName, title, value, active, open, remove = null) {
    const opener = el(
      `button.pill${active ? ".active" : ""}`,
      {
        type: "button",
        data: { pill: name },
        "aria-haspopup": "dialog",
        "aria-expanded": "false",
        title: `${title}: ${value}`,
        onclick: (event) => open(event.currentTarget),
      },
      iconName && icon(iconName),
      el("span.pill-title", {}, title),
      el("span.pill-value", {}, value),
      !remove && icon("down"),
    );
    if (!remove) return opener;
    return el(
      "span.pill-with-close",
      {},
      opener,
      el(
        "button.pill-close",
        { type: "button", "aria-label": t("filters.remove", { title }), onclick: remove },
        icon("close"),
      ),
    );
  }

  columnPill(column, title, free = false) {
    const filter = columnFilter(this.filters, column);
    const remove = filter && (() => this.change(withColumn(this.filters, column, null)));
    return this.pill(
      column,
      null,
      title,
      this.wording(column, filter),
      Boolean(filter),
      (anchor) => this.openColumn(anchor, column, title),
      free || filter ? remove : null,
    );
  }

  /** What a filter lets through, in words: "Иванов", "3 значения", "кроме…". */
  wording(column, filter) {
    if (!filter) return t("filters.any");
    const { op, values } = filter;
    if (op === "is_null" || op === "not_null") return t(`filters.${op}`);
    if (op === "contains") return t("filters.contains_text", { text: values.join(", ") });
    if (op === "between") return values.map((value) => this.labelOf(column, value)).join(" — ");
    const list =
      values.length > 2
        ? t("filters.values", { n: values.length })
        : values.map((value) => this.labelOf(column, value)).join(", ");
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
    const about = (column) => chosen && this.change({ ...this.filters, period: { ...this.filters.period, column } });
    const picker = periodPicker({ chosen, columns: this.spec.period?.columns ?? [], choose, about });
    openPopover(anchor, picker, { role: "dialog", label: t("filters.period"), align: "start", wide: true });
    picker.querySelector("button").focus({ preventScroll: true });
  }

  async openColumn(anchor, column, title) {
    const body = el("div.values-popover", {}, valuesLoading());
    openPopover(anchor, body, { role: "dialog", label: title, align: "start" });
    try {
      if (!this.known.has(column)) this.learn(column, await this.values(column, ""));
    } catch (error) {
      return body.replaceChildren(el("p.values-none", { role: "alert" }, error.message));
    }
    if (!body.isConnected) return;
    const picker = new ValuePicker({
      title,
      values: this.known.get(column),
      filter: columnFilter(this.filters, column),
      contains: this.spec.columns.find((one) => one.column === column)?.kind === "text",
      search: (query) => this.search(column, query),
      change: (filter, { done = false } = {}) => {
        if (done) closePopover();
        this.change(withColumn(this.filters, column, filter));
      },
    });
    body.replaceChildren(...picker.content());
    body.querySelector("input")?.focus({ preventScroll: true });
  }

  async search(column, query) {
    const found = await this.values(column, query);
    for (const { value, label } of found) this.labels.set(`${column}\u0000${value}`, label ?? String(value));
    return found;
  }

  openColumns(anchor) {
    const picker = columnPicker(this.spec.columns, ({ column, title }) => {
      closePopover({ refocus: false });
      this.openColumn(this.pills.querySelector("[data-pill=add]"), column, title);
    });
    openPopover(anchor, picker, { role: "dialog", label: t("filters.add"), align: "start" });
    picker.querySelector("input").focus({ preventScroll: true });
  }
}
