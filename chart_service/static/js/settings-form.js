// What the sections of the settings share: a card with a heading, rows that can be added and removed, saving.
import { button, el } from "./dom.js";
import { toast, toastError } from "./dialog.js";
import { t } from "./i18n.js";

export const settingsCard = (title, lead, ...content) => el("section.card.settings-card", {}, el("header.settings-head", {}, el("h2", {}, title), lead && el("p.muted", {}, lead)), content);

export function input(value, attributes = {}) {
  const node = el("input.input", attributes);
  node.value = value ?? "";
  return node;
}

/** The foot of a form: a button that is pressed once there is something to save. `save()` sends; `form` is watched. */
export function saveBar(form, save) {
  const note = el("span.badge.warn", { hidden: true }, t("settings.unsaved"));
  const send = el("button.button.primary", { type: "submit", disabled: true }, t("shell.save"));
  const bar = el("footer.settings-foot", {}, send, note);
  const changed = (dirty) => {
    send.disabled = !dirty;
    note.hidden = !dirty;
    bar.dirty = dirty;
  };
  form.addEventListener("input", () => changed(true));
  form.addEventListener("changed", () => changed(true));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.classList.add("busy");
    try {
      await save();
      changed(false);
      toast(t("settings.saved"));
    } catch (error) {
      toastError(error);
      for (const { field } of error.errors ?? []) mark(form, field);
    } finally {
      send.classList.remove("busy");
    }
  });
  addEventListener("beforeunload", (event) => bar.isConnected && bar.dirty && event.preventDefault());
  form.append(bar);
  return form;
}

/** Put the cursor where the service found fault: `body.terms.2.term` is the third row's. */
function mark(form, field) {
  const [, index, name] = /\.(\d+)\.(\w+)$/.exec(field) ?? [];
  const node = index === undefined ? form.querySelector(`[name="${CSS.escape(field.split(".").at(-1))}"]`) : form.querySelectorAll(`[name="${CSS.escape(name)}"]`)[Number(index)];
  node?.setAttribute("aria-invalid", "true");
  node?.focus();
}

export function changed(node) {
  node.dispatchEvent(new Event("changed", { bubbles: true }));
}

/** Rows of inputs: `rowOf(entry)` answers {element, first}; `add` is the label of the button that adds one. */
export function rows(entries, { rowOf, add, none, most }) {
  const list = el("div.settings-rows");
  const empty = none && el("p.muted.settings-none", {}, none);
  const more = button(add, { icon: "plus", onclick: () => append({}, true) });
  const count = () => {
    if (empty) empty.hidden = list.children.length > 0;
    more.disabled = list.children.length >= most;
  };
  function append(entry, fresh = false) {
    const { element, first } = rowOf(entry, () => {
      const next = element.nextElementSibling ?? element.previousElementSibling;
      element.remove();
      count();
      changed(list.isConnected ? list : more);
      (next?.querySelector("input") ?? more).focus();
    });
    list.append(element);
    count();
    if (fresh) first.focus();
  }
  entries.forEach((entry) => append(entry));
  count();
  return [list, empty, el("div", {}, more)];
}
