// Dialogs over the page, panels at its side, short messages at its bottom.
import { button, el, iconButton } from "./dom.js";
import { closePopover } from "./menu.js";
import { t } from "./i18n.js";

/**
 * Open a dialog: `content` an element or a list, `actions` buttons of the foot, `kind` "", "wide", "full" or "panel".
 * Answers {element, body, close}; `onClose` runs however it was closed. Focus is kept inside and given back after.
 */
export function openDialog({ title, content = [], actions = [], kind = "", onClose = null, head = [] }) {
  closePopover({ refocus: false });
  const id = `dialog-${Math.random().toString(36).slice(2)}`;
  const body = el("div.dialog-body", {}, content);
  const close = () => dialog.open && dialog.close();
  const dialog = el(
    `dialog.dialog${kind ? `.${kind}` : ""}`,
    { "aria-labelledby": id },
    el("div.dialog-head", {}, el("h2", { id }, title), head, iconButton("close", t("shell.close"), { onclick: close })),
    body,
    actions.length ? el("div.dialog-foot", {}, actions) : null,
  );
  dialog.addEventListener("close", () => {
    dialog.remove();
    onClose?.();
  });
  dialog.addEventListener("pointerdown", (event) => event.target === dialog && close());
  (document.fullscreenElement ?? document.body).append(dialog);
  dialog.showModal();
  return { element: dialog, body, close };
}

/** Ask before something is done: resolves to true or false. */
export function confirmed({ title, text, yes, danger = true }) {
  return new Promise((resolve) => {
    let answer = false;
    const choose = (value) => () => {
      answer = value;
      dialog.close();
    };
    const dialog = openDialog({
      title,
      content: el("p", {}, text),
      onClose: () => resolve(answer),
      actions: [
        button(t("shell.cancel"), { onclick: choose(false) }),
        button(yes, { kind: danger ? "danger" : "primary", onclick: choose(true) }),
      ],
    });
  });
}

/** Ask for one line of text: resolves to it, trimmed, or null. */
export function asked({ title, label, value = "", yes = t("shell.save"), multiline = false, placeholder = "" }) {
  return new Promise((resolve) => {
    let answer = null;
    const input = el(multiline ? "textarea.area" : "input.input", {
      maxlength: multiline ? "5000" : "200",
      placeholder,
      rows: multiline ? "6" : null,
    });
    input.value = value;
    const accept = () => {
      answer = input.value.trim();
      dialog.close();
    };
    const form = el(
      "form",
      {
        onsubmit: (event) => {
          event.preventDefault();
          accept();
        },
      },
      el("label.field", {}, el("span", {}, label), input),
    );
    const dialog = openDialog({
      title,
      content: form,
      onClose: () => resolve(answer),
      actions: [
        button(t("shell.cancel"), { onclick: () => dialog.close() }),
        button(yes, { kind: "primary", onclick: accept }),
      ],
    });
    input.focus();
    if (!multiline) input.select();
  });
}

let shelf = null;

/** A short message: toast("Saved", {action: ["Undo", run], bad: true}). Goes by itself. */
export function toast(message, { action = null, bad = false, seconds = action || bad ? 8 : 4 } = {}) {
  shelf?.isConnected || (shelf = el("div.toasts", { role: "status", "aria-live": "polite" }));
  (document.querySelector("dialog[open]:last-of-type") ?? document.fullscreenElement ?? document.body).append(shelf);
  const gone = () => note.remove();
  const note = el(
    `div.toast${bad ? ".bad" : ""}`,
    {},
    el("span", {}, message),
    action &&
      el(
        "button",
        {
          type: "button",
          onclick: () => {
            gone();
            action[1]();
          },
        },
        action[0],
      ),
    !action && el("button", { type: "button", "aria-label": t("shell.close"), onclick: gone }, "×"),
  );
  shelf.append(note);
  setTimeout(gone, seconds * 1000);
}

/** Tell of a failure of a request in a toast. */
export function toastError(error) {
  if (error.name === "AbortError") return;
  const again = error.status === 401 && [t("shell.sign_in"), () => location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`)];
  toast(error.message, { bad: true, action: again || null });
}
