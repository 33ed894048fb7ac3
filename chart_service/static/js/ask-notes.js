// What stands beside and in the place of a chart: how the question was read, what it cost, why there is no chart.
import { button, el, icon } from "./dom.js";
import { sideCard } from "./chart-editor.js";
import { lang, locale, number, t } from "./i18n.js";

const dollars = new Intl.NumberFormat(locale, { style: "currency", currency: "USD", minimumFractionDigits: 2, maximumFractionDigits: 4 });

/** The assumptions of an answer, its plan, what it took of the model. */
export function assumptionsCard({ assumptions, plan, usage, cached, repairs }) {
  const list = assumptions.length ? el("ul.assumptions", {}, assumptions.map((text) => el("li", {}, text))) : el("p.muted", {}, t("ask.no_assumptions"));
  const spent = [
    usage && (cached ? t("ask.usage_cached") : usage.prompt_tokens || usage.output_tokens ? t("ask.usage", { tokens: number(usage.prompt_tokens + usage.output_tokens), cost: dollars.format(Number(usage.cost_usd)) }) : null),
    repairs > 0 && t("ask.repairs", { n: repairs }),
  ].filter(Boolean);
  return sideCard(t("ask.assumptions"), list, plan && el("details.plan", {}, el("summary", {}, t("ask.plan")), el("p", {}, plan)),
    spent.length ? el("p.small.muted.spent", {}, spent.join(" · ")) : null);
}

/** A card in the place of the chart: {icon, title, text, detail, bad, content, actions}. */
export function stateCard({ icon: name, title, text, detail = null, bad = false, content = null, actions = [] }) {
  return el("section.card.ask-state", { role: bad ? "alert" : "status" }, el(`span.ask-state-icon${bad ? ".bad" : ""}`, {}, icon(name)), el("h2", {}, title),
    text && el("p", {}, text), content, actions.length ? el("div.ask-state-actions", {}, actions) : null, detail && el("p.small.muted", {}, detail));
}

/** Nothing was found: the values that there are, each to be asked about with a click. */
export function emptyCard({ existing }, question, ask) {
  const values = existing.map(({ column, asked_for: asked, values: there }) => el("div.existing", {},
    el("p.small.muted", {}, t("ask.empty_values", { column, asked: asked.join(lang === "ru" ? "», «" : "”, “") })),
    el("div.existing-values", {}, there.map((value) => el("button.suggestion.small-one", { type: "button", title: t("ask.empty_use", { value }), onclick: () => ask(replaced(question, asked, value)) }, value)))));
  return stateCard({ icon: "search", title: t("ask.empty"), text: t("ask.empty_hint"), content: values });
}

/** The question with the value that exists in the place of the one that does not, wherever it was spelled out. */
function replaced(question, asked, value) {
  for (const text of asked) {
    const at = question.toLocaleLowerCase().indexOf(text.toLocaleLowerCase());
    if (at >= 0 && text) return question.slice(0, at) + value + question.slice(at + text.length);
  }
  return t("ask.with_value", { question, value });
}

const TITLES = {
  no_model: "no_model", budget_spent: "budget", refused: "refused", model_refused: "declined", model_content_filter: "declined", nothing_synced: "nothing",
  timeout: "query", too_expensive: "query", too_busy: "query",
};

/** A failure in words, with the ways on. `ways`: {retry, rephrase, editSql}, functions or null. */
export function failureCard(error, ways) {
  const kind = TITLES[error.code] ?? (error.code?.startsWith("model_") ? "model" : error.status === 422 ? "query" : "other");
  const actions = [
    kind === "budget" && el("a.button", { href: "/settings#budget" }, t("ask.open_budget")),
    ["model", "query", "other"].includes(kind) && ways.retry && button(t("shell.retry"), { kind: "primary", onclick: ways.retry }),
    ["refused", "declined", "query"].includes(kind) && ways.rephrase && button(t("ask.rephrase"), { onclick: ways.rephrase }),
    ways.editSql && button(t("ask.edit_sql"), { icon: "code", onclick: ways.editSql }),
  ].filter(Boolean);
  return stateCard({ icon: "warning", bad: true, title: t(`ask.failed_${kind}`), text: error.message, actions, detail: kind === "other" && error.requestId ? t("shell.request_id", { id: error.requestId }) : null });
}

/** What to set so that questions can be asked. */
export function noKeyNotice(writeSql) {
  const code = el("pre.code", { tabindex: "0" }, `OPENAI_API_KEY=sk-…\nOPENAI_MODEL=gpt-4o-mini\nOPENAI_BASE_URL=https://…/v1   ${t("ask.no_key_comment_url")}`);
  return el("section.card.no-key", { "aria-labelledby": "no-key" }, el("span.ask-state-icon", {}, icon("key")), el("h2", { id: "no-key" }, t("ask.no_key_title")), el("p", {}, t("ask.no_key_text")), code, el("div", {}, button(t("ask.write_sql"), { icon: "code", kind: "primary", onclick: () => writeSql() })));
}
