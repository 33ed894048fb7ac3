// The company's own words, and instructions for the model.
import { api } from "./api.js";
import { el, iconButton } from "./dom.js";
import { t } from "./i18n.js";
import { input, rows, saveBar, settingsCard } from "./settings-form.js";

const MOST_TERMS = 200;
const LONGEST = 4000;

export async function glossarySection() {
  const { terms } = await api.get("settings/glossary");
  const form = el("form", { autocomplete: "off" });
  const content = rows(terms, {
    none: t("settings.glossary_none"), add: t("settings.add_term"), most: MOST_TERMS,
    rowOf: ({ term, meaning }, remove) => {
      const first = input(term, { name: "term", maxlength: "100", "aria-label": t("settings.term"), placeholder: t("settings.term_example"), required: true });
      const second = input(meaning, { name: "meaning", maxlength: "500", "aria-label": t("settings.meaning"), placeholder: t("settings.meaning_example"), required: true });
      return { first, element: el("div.settings-row.term", {}, first, second, iconButton("trash", t("settings.remove_term", { n: term ?? "" }), { onclick: remove })) };
    },
  });
  form.append(el("div.settings-row.term.settings-heads", { "aria-hidden": "true" }, el("span", {}, t("settings.term")), el("span", {}, t("settings.meaning"))), ...content);
  const values = (name) => [...form.querySelectorAll(`[name=${name}]`)].map((node) => node.value.trim());
  saveBar(form, () => {
    const meanings = values("meaning");
    return api.put("settings/glossary", { terms: values("term").map((term, at) => ({ term, meaning: meanings[at] })) });
  });
  return settingsCard(t("settings.glossary"), t("settings.glossary_lead"), form);
}

export async function instructionsSection() {
  const { text } = await api.get("settings/instructions");
  const count = el("span.small.muted.settings-count");
  const area = el("textarea.area.settings-text", { name: "text", maxlength: String(LONGEST), rows: "10", "aria-label": t("settings.instructions_text"), oninput: () => told() });
  const told = () => (count.textContent = t("settings.letters", { n: area.value.length, of: LONGEST }));
  area.value = text;
  told();
  const form = el("form", {}, area, count);
  saveBar(form, () => api.put("settings/instructions", { text: area.value.trim() }));
  return settingsCard(t("settings.instructions"), t("settings.instructions_lead"), form);
}
