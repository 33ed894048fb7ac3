// What asking cost: sums, days as bars, people and days as a table.
import { api } from "./api.js";
import { el } from "./dom.js";
import { dateText, locale, number, t } from "./i18n.js";
import { settingsCard } from "./settings-form.js";

const dollars = new Intl.NumberFormat(locale, { style: "currency", currency: "USD", maximumFractionDigits: 4, minimumFractionDigits: 2 });
const share = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 });
const shortDay = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", timeZone: "UTC" });
const PERIODS = [7, 30, 90];
const DAY = 86_400_000;
const MEASURES = { cost: [({ cost_usd: cost }) => cost, (value) => dollars.format(value)], tokens: [({ prompt_tokens: asked, output_tokens: told }) => asked + told, number] };

export async function usageSection() {
  const state = { days: 30, measure: "cost" };
  const content = el("div.settings-stack");
  const periods = switcher(t("settings.period"), PERIODS.map((days) => [days, t("settings.days", { n: days })]), () => state.days, (days) => { state.days = days; return load(); });
  async function load() {
    const until = new Date();
    const from = new Date(until.getTime() - (state.days - 1) * DAY);
    const found = await api.get(`usage?from=${iso(from)}&to=${iso(until)}`);
    show(found, from);
  }
  function show({ items }, from) {
    const measures = switcher(t("settings.chart_measure"), [["cost", t("settings.show_cost")], ["tokens", t("settings.show_tokens")]], () => state.measure, (measure) => { state.measure = measure; show({ items }, from); });
    content.replaceChildren(settingsCard(t("settings.usage"), t("settings.usage_lead"), el("div.usage-tools", {}, periods.element, items.length ? measures.element : null), items.length ? [sums(items), bars(items, from, state)] : el("p.muted.settings-none", {}, t("settings.usage_none"))),
      items.length ? settingsCard(t("settings.by_person"), null, table(items)) : null);
    periods.mark();
    measures.mark();
  }
  await load();
  return content;
}

const iso = (moment) => moment.toISOString().slice(0, 10);
const sum = (items, value) => items.reduce((total, item) => total + value(item), 0);

function switcher(label, choices, chosen, choose) {
  const buttons = choices.map(([value, text]) => el("button", { type: "button", onclick: async () => { await choose(value); mark(); } }, text));
  const mark = () => buttons.forEach((node, at) => node.setAttribute("aria-pressed", String(choices[at][0] === chosen())));
  mark();
  return { element: el("div.segmented", { role: "group", "aria-label": label }, buttons), mark };
}

function sums(items) {
  const asked = sum(items, (item) => item.prompt_tokens);
  const parts = [
    ["cost", dollars.format(sum(items, (item) => item.cost_usd))], ["calls", number(sum(items, (item) => item.calls))],
    ["prompt_tokens", number(asked)], ["output_tokens", number(sum(items, (item) => item.output_tokens))], ["cached_share", asked ? share.format(sum(items, (item) => item.cached_tokens) / asked) : "—"],
  ];
  return el("dl.usage-sums", {}, parts.map(([name, text]) => el("div", {}, el("dt", {}, t(`settings.${name}`)), el("dd", {}, text))));
}

/** A bar a day, days without calls as well. Each tells its number to a pointer and to a screen reader. */
function bars(items, from, { days, measure }) {
  const [value, text] = MEASURES[measure];
  const byDay = Array.from({ length: days }, (_, at) => {
    const day = iso(new Date(from.getTime() + at * DAY));
    return { day, total: sum(items.filter((item) => item.day === day), value) };
  });
  const most = Math.max(...byDay.map(({ total }) => total)) || 1;
  const every = Math.ceil(days / 8);
  return el("div.usage-chart", {}, el("span.usage-most.small.muted", { "aria-hidden": "true" }, text(most)),
    el("ol.usage-bars", { "aria-label": t("settings.per_day") }, byDay.map(({ day, total }, at) => el("li", { title: `${dateText(day)}: ${text(total)}` },
      el("span.usage-bar", { style: { height: `${total ? Math.max(2, (total / most) * 100) : 0}%` } }), el("span.visually-hidden", {}, `${dateText(day)}: ${text(total)}`),
      el("span.usage-day", { "aria-hidden": "true" }, (days - 1 - at) % every === 0 ? shortDay.format(new Date(`${day}T00:00:00Z`)) : "")))));
}

function table(items) {
  const columns = ["calls", "prompt_tokens", "cached_tokens", "output_tokens"];
  return el("div.table-wrap", { tabindex: "0", role: "region", "aria-label": t("settings.by_person") }, el("table.table", {},
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, t("settings.day")), el("th", { scope: "col" }, t("settings.person")), columns.map((name) => el("th.num", { scope: "col" }, t(`settings.${name}`))), el("th.num", { scope: "col" }, t("settings.cost")))),
    el("tbody", {}, items.map((item) => el("tr", {}, el("td", {}, dateText(item.day)), el("td", {}, item.user ?? t("settings.nobody")), columns.map((name) => el("td.num", {}, number(item[name]))), el("td.num", {}, dollars.format(item.cost_usd)))))));
}
