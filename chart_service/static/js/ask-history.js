// Questions of the past: a panel at the side, and the last few on the page where one begins.
import { api } from "./api.js";
import { button, el } from "./dom.js";
import { openDialog } from "./dialog.js";
import { ago, momentText, t } from "./i18n.js";

const PAGE = 30;
const BADGES = { answered: "good", empty: "", clarification: "", refused: "warn", failed: "bad", cancelled: "" };

export const pastAsks = (limit, before = null) => api.get(`asks?limit=${limit}${before ? `&before=${encodeURIComponent(before)}` : ""}`);

/** An entry. `open(ask)` shows it again, without the model. */
export function pastEntry(ask, open) {
  const badge = BADGES[ask.outcome];
  return el("li", {}, el("button.past", { type: "button", data: { ask: ask.id }, onclick: () => open(ask) }, el("span.past-question", {}, ask.question),
    el("span.past-facts", {}, ask.title && ask.title !== ask.question && ask.outcome === "answered" ? el("span.past-title", {}, ask.title) : null,
      ask.outcome !== "answered" && el(`span.badge${badge ? `.${badge}` : ""}`, {}, t(`ask.outcome_${ask.outcome}`)),
      el("time", { datetime: ask.asked_at, title: momentText(ask.asked_at) }, ago(ask.asked_at)))));
}

export function openHistory(open) {
  const list = el("ul.past-list");
  const more = button(t("ask.history_more"), { hidden: true, onclick: () => load() });
  const dialog = openDialog({ title: t("ask.history"), kind: "panel", content: [list, more] });
  let last = null;
  async function load() {
    more.hidden = true;
    try {
      const { items } = await pastAsks(PAGE, last);
      list.append(...items.map((ask) => pastEntry(ask, (chosen) => { dialog.close(); open(chosen); })));
      if (!list.children.length) dialog.body.prepend(el("p.muted", {}, t("ask.history_empty")));
      last = items.at(-1)?.asked_at;
      more.hidden = items.length < PAGE;
    } catch (error) {
      dialog.body.append(el("p.notice.bad", { role: "alert" }, error.message));
    }
  }
  load();
}
