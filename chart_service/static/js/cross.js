// Filters that come from clicks on marks: each chart's own, which hold for all others.
import { columnFilter, withColumn } from "./filter-state.js";
import { periodAt } from "./periods.js";

export class CrossFilters {
  constructor() {
    this.marks = new Map(); // item id -> {columns, period, where, label}
  }

  get size() {
    return this.marks.size;
  }

  /** The filters of an item: those of the bar, and those that other items' marks ask for. */
  applied(filters, itemId) {
    let result = filters;
    for (const [id, { columns, period }] of this.marks) {
      if (id === itemId) continue;
      for (const one of columns)
        result = withColumn(result, one.column, narrower(columnFilter(result, one.column), one));
      if (period) result = { ...result, period };
    }
    return result;
  }

  /**
   * A click on a mark of a chart: sets its filter, or takes it away when it is the same again. Answers whether it is
   * set now; null where the mark says nothing that other charts could be filtered by.
   */
  toggle(itemId, chart, where, label) {
    const mark = markOf(chart, where);
    if (!mark) return null;
    const before = this.marks.get(itemId);
    if (before && JSON.stringify([before.columns, before.period]) === JSON.stringify([mark.columns, mark.period])) {
      this.marks.delete(itemId);
      return false;
    }
    this.marks.set(itemId, { ...mark, where, label });
    return true;
  }

  clear(itemId = null) {
    if (itemId === null) this.marks.clear();
    else this.marks.delete(itemId);
  }

  /** For an address: [[item, columns, period, where, label], …]. */
  toJSON() {
    return [...this.marks].map(([id, { columns, period, where, label }]) => [id, columns, period, where, label]);
  }
}

/** Both the bar's filter of a column and a mark's hold: values of both, where the bar lists values. */
function narrower(there, one) {
  if (there?.op !== "in" || one.op !== "in") return one;
  const both = one.values.filter((value) => there.values.some((other) => String(other) === String(value)));
  return both.length ? { ...one, values: both } : one;
}

/** Codes and their labels mean the same in every view that has them, so they filter all of these; titles do not. */
const SHARED = /_(id|name|label)$/;
const wide = (origin) => (SHARED.test(origin) ? origin.split(".").at(-1) : origin);

/** The filter that a mark stands for: a date of a time axis is a period, all else a value of the column that it came from. */
function markOf(chart, where) {
  const columns = [];
  let period = null;
  for (const { column, value } of where) {
    const at = chart.columns.findIndex(({ name }) => name === column);
    const kind = chart.columns[at]?.kind;
    if (kind === "date" || kind === "datetime") {
      period = periodAt(
        value,
        chart.rows.map((row) => row[at]).filter((one) => one !== null),
      );
      const origin = chart.columns[at].origin;
      if (period && origin) period.column = origin;
    } else {
      const origin = chart.columns[at]?.origin;
      if (origin)
        columns.push({
          column: wide(origin),
          ...(value === null ? { op: "is_null", values: [] } : { op: "in", values: [value] }),
        });
    }
  }
  return columns.length || period ? { columns, period } : null;
}
