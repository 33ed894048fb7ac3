// Spans of days: named ones, which move with the calendar, and their words. Ends are exclusive, as the API has them.
import { dateText, t } from "./i18n.js";

const iso = (date) =>
  `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, "0")}-${String(date.getDate()).padStart(2, "0")}`;
const plain = (year, month, day) => new Date(year, month, day);
const monday = (date) => plain(date.getFullYear(), date.getMonth(), date.getDate() - ((date.getDay() + 6) % 7));
const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** name -> (today) -> [from, to], Dates. */
const SPANS = {
  today: (now, [y, m, d]) => [plain(y, m, d), plain(y, m, d + 1)],
  yesterday: (now, [y, m, d]) => [plain(y, m, d - 1), plain(y, m, d)],
  "7d": (now, [y, m, d]) => [plain(y, m, d - 6), plain(y, m, d + 1)],
  "30d": (now, [y, m, d]) => [plain(y, m, d - 29), plain(y, m, d + 1)],
  "90d": (now, [y, m, d]) => [plain(y, m, d - 89), plain(y, m, d + 1)],
  week: (now, [y, m, d]) => [monday(now), plain(y, m, d + 1)],
  month: (now, [y, m]) => [plain(y, m, 1), plain(y, m + 1, 1)],
  "last-month": (now, [y, m]) => [plain(y, m - 1, 1), plain(y, m, 1)],
  quarter: (now, [y, m]) => [plain(y, m - (m % 3), 1), plain(y, m - (m % 3) + 3, 1)],
  "last-quarter": (now, [y, m]) => [plain(y, m - (m % 3) - 3, 1), plain(y, m - (m % 3), 1)],
  year: (now, [y]) => [plain(y, 0, 1), plain(y + 1, 0, 1)],
  "last-year": (now, [y]) => [plain(y - 1, 0, 1), plain(y, 0, 1)],
  "12m": (now, [y, m]) => [plain(y, m - 11, 1), plain(y, m + 1, 1)],
};
export const PRESETS = Object.keys(SPANS);

/** The span of a preset today: {preset, from, to}. */
export function preset(name, now = new Date()) {
  const [from, to] = SPANS[name](now, [now.getFullYear(), now.getMonth(), now.getDate()]);
  return { preset: name, from: iso(from), to: iso(to) };
}

/** A period of any source made current and sane: null where it is none. */
export function periodOf(value) {
  if (!value) return null;
  if (value.preset && value.preset in SPANS) return { ...preset(value.preset), column: value.column ?? null };
  if (
    DAY.test(value.from ?? "") &&
    DAY.test(value.to ?? "") &&
    value.from < value.to &&
    isDay(value.from) &&
    isDay(value.to)
  )
    return { from: value.from, to: value.to, column: value.column ?? null };
  return null;
}

const isDay = (text) => new Date(`${text}T00:00:00Z`).toJSON()?.slice(0, 10) === text;
export const shifted = (day, by) =>
  new Date(Date.parse(`${day}T00:00:00Z`) + by * 86_400_000).toISOString().slice(0, 10);

export function periodText(period) {
  if (!period) return t("filters.all_time");
  if (period.preset) return t(`filters.preset_${period.preset}`);
  const last = shifted(period.to, -1);
  return period.from === last ? dateText(period.from) : `${dateText(period.from)} — ${dateText(last)}`;
}

/**
 * The period that a mark of a time axis stands for: the mark's own start to the next of its grain. `values` are all
 * starts on that axis, which tell the grain. null where the value is no date.
 */
export function periodAt(value, values) {
  const day = typeof value === "string" ? value.slice(0, 10) : "";
  if (!isDay(day)) return null;
  const days = [...new Set(values.map((one) => String(one).slice(0, 10)))].filter(isDay).sort();
  const gaps = days.slice(1).map((one, at) => (Date.parse(one) - Date.parse(days[at])) / 86_400_000);
  const gap = gaps.length ? Math.min(...gaps) : 1;
  const [year, month, date] = day.split("-").map(Number);
  const first = days.every((one) => one.endsWith("-01"));
  const months = first ? (gap >= 365 ? 12 : gap >= 89 ? 3 : gap >= 28 ? 1 : 0) : 0;
  const days_ = months ? 0 : gap % 7 === 0 && gap >= 7 ? 7 : 1;
  const end = new Date(Date.UTC(year, month - 1 + months, date + days_));
  return { from: day, to: end.toISOString().slice(0, 10), column: null };
}
