// Approved pairs of question and statement.
import { api } from "./api.js";
import { debounce, el, icon, iconButton } from "./dom.js";
import { confirmed, toastError } from "./dialog.js";
import { ago, t } from "./i18n.js";
import { settingsCard } from "./settings-form.js";

export async function examplesSection() {
  let { items } = await api.get("examples");
  const list = el("ul.examples");
  const search = el("input.input", { type: "search", placeholder: t("settings.find_example"), "aria-label": t("settings.find_example"), oninput: debounce(120, () => show()) });
  const tools = el("label.search.examples-search", {}, icon("search"), search);
  function show() {
    const wanted = search.value.trim().toLocaleLowerCase();
    tools.hidden = items.length < 6;
    const found = items.filter(({ question, sql }) => `${question}\n${sql}`.toLocaleLowerCase().includes(wanted));
    list.replaceChildren(...found.map(entry));
    if (!items.length) list.append(el("li.settings-none", {}, el("p.ink", {}, t("settings.examples_none")), el("p.muted", {}, t("settings.examples_none_hint"), " ", el("a", { href: "/ask" }, t("shell.ask")))));
  }
  const entry = (example) => el("li.example", { data: { example: String(example.id) } }, el("details", {}, el("summary", {}, el("span.ink", {}, example.question), el("span.small.muted", {}, t("settings.approved_by", { who: example.approved_by ?? t("settings.nobody"), ago: ago(example.approved_at) }))),
    el("pre.code", { tabindex: "0" }, example.sql)), iconButton("trash", t("settings.forget", { question: example.question }), { onclick: () => forget(example) }));
  async function forget({ id, question }) {
    if (!(await confirmed({ title: t("settings.forget_title"), text: question, yes: t("settings.forget_yes") }))) return;
    try {
      await api.delete(`examples/${id}`);
      items = items.filter((one) => one.id !== id);
      show();
    } catch (error) {
      toastError(error);
    }
  }
  show();
  return settingsCard(t("settings.examples"), t("settings.examples_lead"), tools, list);
}
