// Filters as Superset's hosts know them: a data mask, by filter, of states; and what a host may set at the beginning.
import { sane } from "./filter-state.js";

const PREFIX = "NATIVE_FILTER-";
const PERIOD = `${PREFIX}period`;
const OPERATORS = { in: "IN", not_in: "NOT IN", is_null: "IS NULL", not_null: "IS NOT NULL", contains: "ILIKE", between: "BETWEEN" };

/** The data mask of filters: filter id -> {id, ownState, filterState, extraFormData}. */
export function maskOf({ period, columns }) {
  const states = columns.map(({ column, op, values = [] }) => {
    const filters = [{ col: column, op: OPERATORS[op], val: values }];
    return state(`${PREFIX}${column}`, { value: values, op }, { filters });
  });
  if (period) states.unshift(state(PERIOD, { value: [period.from, period.to], column: period.column ?? null }, { time_range: `${period.from} : ${period.to}` }));
  return Object.fromEntries(states.map((one) => [one.id, one]));
}

const state = (id, filterState, extraFormData) => ({ id, ownState: {}, filterState, extraFormData });

/**
 * Filters that the address asks for, or null: `native_filters` as JSON, a data mask or filters of ours; else parameters
 * that have the name of a filter, as in `?assigned_by_id=5,7`. Rison, which Superset writes there, is not read.
 */
export function asked(params, names) {
  const given = fromText(params.get("native_filters"));
  if (given) return given;
  const columns = names.filter((name) => params.has(name)).map((column) => ({ column, op: "in", values: params.get(column).split(",").filter(Boolean).map(value) }));
  return columns.length ? sane({ columns }) : null;
}

const value = (text) => (/^-?\d{1,15}$/.test(text) ? Number(text) : text);

function fromText(text) {
  if (!text) return null;
  try {
    const given = JSON.parse(text);
    return Array.isArray(given.columns) || given.period ? sane(given) : fromMask(given);
  } catch {
    return null;
  }
}

function fromMask(mask) {
  const states = Object.entries(mask).filter(([id]) => id.startsWith(PREFIX)).map(([id, one]) => [id, one?.filterState ?? {}]);
  if (!states.length) return null;
  const period = states.find(([id]) => id === PERIOD)?.[1];
  return sane({
    period: period && { from: period.value?.[0], to: period.value?.[1], column: period.column },
    columns: states.filter(([id]) => id !== PERIOD).map(([id, { op = "in", value: values }]) => ({ column: id.slice(PREFIX.length), op, values: values ?? [] })),
  });
}
