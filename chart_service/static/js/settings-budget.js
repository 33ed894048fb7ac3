// What asking may cost, what is spent of it today, and what models cost.
import { api } from "./api.js";
import { el, icon, iconButton } from "./dom.js";
import { locale, momentText, number, t } from "./i18n.js";
import { input, rows, saveBar, settingsCard } from "./settings-form.js";

const dollars = new Intl.NumberFormat(locale, { style: "currency", currency: "USD", maximumFractionDigits: 4, minimumFractionDigits: 2 });
const LIMITS = [["user", "per_user", "today_user"], ["total", "for_all", "today_all"]];
const PRICES = ["prompt", "cached", "output"];
const MOST_MODELS = 200;

export async function budgetSection() {
  const [usage, budget, prices] = await Promise.all([api.get("usage"), api.get("settings/budget"), api.get("settings/prices")]);
  return el("div.settings-stack", {}, budgetCard(usage, budget), pricesCard(usage, prices));
}

function budgetCard({ today }, budget) {
  const meters = Object.fromEntries(LIMITS.map(([whose]) => [whose, el("div.meters")]));
  const showMeters = (limits) => LIMITS.forEach(([whose, , label]) => meters[whose].replaceChildren(
    meter(t(`settings.${label}`), today[`${whose}_usd`], limits[`${whose}_usd_per_day`], dollars.format), meter(null, today[`${whose}_tokens`], limits[`${whose}_tokens_per_day`], tokens)));
  showMeters(budget);
  const field = (name, label, attributes) => el("label.field", {}, el("span", {}, label), input(budget[name] === null ? "" : String(Number(budget[name])), { name, type: "number", min: "0", inputmode: "decimal", placeholder: t("settings.unlimited"), ...attributes }));
  const form = el("form.budget", {}, LIMITS.map(([whose, label]) => el("fieldset.budget-part", {}, el("legend", {}, t(`settings.${label}`)),
    field(`${whose}_usd_per_day`, t("settings.usd"), { step: "0.01", max: "1000000" }), field(`${whose}_tokens_per_day`, t("settings.tokens"), { step: "1", max: "1000000000000" }), meters[whose])));
  saveBar(form, async () => {
    const value = (name) => form.elements[name].value.trim();
    const body = Object.fromEntries(LIMITS.flatMap(([whose]) => [[`${whose}_usd_per_day`, value(`${whose}_usd_per_day`) || null], [`${whose}_tokens_per_day`, value(`${whose}_tokens_per_day`) ? Number(value(`${whose}_tokens_per_day`)) : null]]));
    showMeters(await api.put("settings/budget", body));
  });
  form.querySelector(".settings-foot").append(el("span.small.muted.budget-renews", {}, t("settings.renews", { when: momentText(today.renews_at) })));
  return settingsCard(t("settings.budget"), t("settings.budget_lead"), form);
}

const tokens = (count) => `${number(count)} ${t("settings.tokens").toLocaleLowerCase()}`;

function meter(label, used, limit, text) {
  const share = limit === null ? 0 : Number(limit) === 0 ? 1 : Math.min(1, used / Number(limit));
  const words = limit === null ? text(used) : t("settings.of", { used: text(used), limit: text(Number(limit)) });
  return el("div.meter", {}, el("div.meter-head", {}, el("span.muted", {}, label ?? ""), el("span.number.ink", {}, words)),
    limit === null ? el("p.small.muted", {}, t("settings.unlimited")) : el(`div.meter-bar${share >= 1 ? ".spent" : share > 0.8 ? ".near" : ""}`, { role: "meter", "aria-label": words, "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": String(Math.round(share * 100)) }, el("span", { style: { width: `${share * 100}%` } })));
}

function pricesCard({ model, priced }, { models }) {
  const form = el("form", { autocomplete: "off" });
  const content = rows(Object.entries(models).map(([name, price]) => ({ name, ...price })), {
    add: t("settings.add_model"), most: MOST_MODELS, none: null,
    rowOf: (entry, remove) => {
      const first = input(entry.name, { name: "model", maxlength: "200", required: true, "aria-label": t("settings.model"), placeholder: "gpt-4o-mini" });
      const cells = PRICES.map((part) => el("label.field", {}, el("span", {}, t(`settings.price_${part}`)), input(entry[part] === undefined ? "" : String(Number(entry[part])), { name: part, type: "number", min: "0", step: "0.000001", required: true })));
      return { first, element: el("div.settings-row.price", {}, first, cells, iconButton("trash", t("settings.remove_model", { name: entry.name ?? "" }), { onclick: remove })) };
    },
  });
  form.append(el("div.settings-row.price.settings-heads", { "aria-hidden": "true" }, el("span", {}, t("settings.model")), PRICES.map((part) => el("span", {}, t(`settings.price_${part}`)))), ...content.filter(Boolean));
  saveBar(form, () => {
    const entries = [...form.querySelectorAll(".settings-rows > .price")].map((row) => [row.querySelector("[name=model]").value.trim(), Object.fromEntries(PRICES.map((part) => [part, row.querySelector(`[name=${part}]`).value]))]);
    return api.put("settings/prices", { models: Object.fromEntries(entries) });
  });
  return settingsCard(t("settings.prices"), t("settings.prices_lead"), priced ? null : el("p.notice.warn", {}, icon("warning"), t("settings.unpriced", { model })), form);
}
