// Filters as values: the API's form, the address bar's form, changes of them. Nothing here touches the page.
import { periodOf } from "./periods.js";

const OPERATORS = new Set(["in", "not_in", "between", "is_null", "not_null", "contains"]);
const COLUMN = /^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$/;
const MOST_VALUES = 500;

export const NONE = Object.freeze({ period: null, columns: [] });

/** Filters of any source (stored, typed into an address) made whole; what is malformed is left out. */
export function sane(value) {
  const columns = Array.isArray(value?.columns) ? value.columns : [];
  return {
    period: periodOf(value?.period),
    columns: columns
      .filter((one) => COLUMN.test(one?.column ?? "") && OPERATORS.has(one.op) && Array.isArray(one.values ?? []))
      .map(({ column, op, values = [] }) => ({
        column,
        op,
        values: values
          .filter((item) => item === null || ["string", "number", "boolean"].includes(typeof item))
          .slice(0, MOST_VALUES),
      })),
  };
}

/** What the API takes. */
export function forApi({ period, columns }) {
  return {
    period: period && { from: period.from, to: period.to, column: period.column ?? null },
    columns: columns.map(({ column, op, values }) => ({ column, op, values })),
  };
}

/** What is kept as a dashboard's own filters: a named span stays named. */
export const forKeeping = ({ period, columns }) => ({
  period:
    period &&
    (period.preset
      ? { preset: period.preset, from: period.from, to: period.to, column: period.column ?? null }
      : period),
  columns,
});

export const isEmpty = ({ period, columns }) => !period && columns.length === 0;
export const same = (one, two) => JSON.stringify(forKeeping(one)) === JSON.stringify(forKeeping(two));
export const columnFilter = ({ columns }, column) => columns.find((one) => one.column === column) ?? null;

/** The filters with one of a column's set, or taken away where `filter` is null or names no value. */
export function withColumn(filters, column, filter) {
  const rest = filters.columns.filter((one) => one.column !== column);
  const says = filter && (filter.values?.length || filter.op === "is_null" || filter.op === "not_null");
  return { ...filters, columns: says ? [...rest, { column, op: filter.op, values: filter.values ?? [] }] : rest };
}

/** Turn values of a column on where any is off, off where all are on: what a click on a mark does. */
export function toggled(filters, wheres) {
  const on = wheres.every(({ column, value }) => {
    const there = columnFilter(filters, column);
    return value === null
      ? there?.op === "is_null"
      : there?.op === "in" && there.values.length === 1 && there.values[0] === value;
  });
  return wheres.reduce(
    (result, { column, value }) =>
      withColumn(result, column, on ? null : value === null ? { op: "is_null" } : { op: "in", values: [value] }),
    filters,
  );
}

/** Filters as parameters of an address; `tab` and other parameters are the caller's. */
export function toParams(filters, params) {
  params.delete("period");
  params.delete("f");
  const { period } = filters;
  if (period)
    params.set(
      "period",
      (period.preset ?? `${period.from}..${period.to}`) + (period.column ? `@${period.column}` : ""),
    );
  for (const { column, op, values } of filters.columns) params.append("f", JSON.stringify([column, op, ...values]));
  return params;
}

/** Filters from an address; null where it says nothing of them. */
export function fromParams(params) {
  if (!params.has("period") && !params.has("f")) return null;
  const [span, column] = (params.get("period") ?? "").split("@");
  const [from, to] = span.split("..");
  const columns = params.getAll("f").map((text) => {
    try {
      const [name, op, ...values] = JSON.parse(text);
      return { column: name, op, values };
    } catch {
      return null;
    }
  });
  return sane({
    period: span && span !== "all" ? (to ? { from, to, column } : { preset: span, column }) : null,
    columns: columns.filter(Boolean),
  });
}
