// The settings: a section at a time, by the address's hash.
import { button, el, icon } from "./dom.js";
import { t } from "./i18n.js";
import { budgetSection } from "./settings-budget.js";
import { embeddingSection } from "./settings-embedding.js";
import { examplesSection } from "./settings-examples.js";
import { glossarySection, instructionsSection } from "./settings-words.js";
import { usageSection } from "./settings-usage.js";

const SECTIONS = { glossary: glossarySection, instructions: instructionsSection, examples: examplesSection, budget: budgetSection, usage: usageSection, embedding: embeddingSection };
const names = Object.keys(SECTIONS);
const place = document.querySelector("[data-settings]");
const panel = el("div.settings-panel", { role: "tabpanel", id: "settings-panel", tabindex: "-1" });
const tabs = names.map((name) => el("button.tab", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "settings-panel", data: { section: name }, onclick: () => (location.hash = name) }, t(`settings.${name}`)));
place.replaceChildren(el("div.tabs", { role: "tablist", "aria-label": t("settings.sections"), onkeydown: walk }, tabs), panel);

function walk(event) {
  const at = tabs.indexOf(document.activeElement);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  const next = tabs.at(to % tabs.length);
  next.focus();
  next.click();
}

let shown = 0;
async function show() {
  const name = names.includes(location.hash.slice(1)) ? location.hash.slice(1) : names[0];
  const mine = (shown += 1);
  for (const tab of tabs) {
    const chosen = tab.dataset.section === name;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
    if (chosen) tab.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  panel.setAttribute("aria-labelledby", `tab-${name}`);
  panel.replaceChildren(el("div.card.settings-card", { "aria-busy": "true" }, Array.from({ length: 5 }, () => el("span.skeleton.settings-skeleton"))));
  try {
    const content = await SECTIONS[name]();
    if (mine === shown) panel.replaceChildren(...[content].flat());
  } catch (error) {
    if (mine !== shown) return;
    panel.replaceChildren(el("div.blank", { role: "alert" }, icon("warning"), el("h2", {}, t("settings.failed")), el("p", {}, error.message), button(t("shell.retry"), { kind: "primary", onclick: show })));
  }
}

addEventListener("hashchange", show);
show();
