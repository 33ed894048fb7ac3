// Texts, numbers and dates in the reader's language.
import { lang, texts } from "./page.js";

export { lang };
export const locale = lang === "ru" ? "ru-RU" : "en-GB";
const plural = new Intl.PluralRules(locale);
const relative = new Intl.RelativeTimeFormat(locale, { numeric: "always", style: "short" });
const numbers = new Intl.NumberFormat(locale, { maximumFractionDigits: 2 });
const day = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const moment = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

/** The text of a key with its {places} filled; one with forms for numbers takes its form from `values.n`. */
export function t(key, values = {}) {
  let wording = texts[key];
  if (wording === undefined) throw new Error(`no text ${key}`);
  if (typeof wording !== "string") wording = wording[plural.select(values.n)] ?? wording.other;
  return wording.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? number(value) : String(value);
  });
}

export const has = (key) => texts[key] !== undefined;
export const number = (value) => numbers.format(value);

/** A Date or ISO text as "12 мая 2026"; a date without a time is not moved between time zones. */
export const dateText = (value) =>
  day.format(typeof value === "string" ? new Date(`${value.slice(0, 10)}T00:00:00Z`) : value);
export const momentText = (value) => moment.format(new Date(value));

/** How long ago a moment was: "2 мин. назад". */
export function ago(value, now = Date.now()) {
  const seconds = Math.max(0, (now - new Date(value).getTime()) / 1000);
  if (seconds < 45) return t("shell.just_now");
  const steps = [
    ["minute", 60, 3600],
    ["hour", 3600, 86400],
    ["day", 86400, Infinity],
  ];
  const [unit, size] = steps.find(([, , below]) => seconds < below);
  return relative.format(-Math.round(seconds / size), unit);
}
