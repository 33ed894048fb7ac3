// The box that questions are written in: grows with the text, Enter sends, Shift+Enter begins a line.
import { el, icon, iconButton } from "./dom.js";
import { t } from "./i18n.js";

const LONGEST = 2000;

export class Composer {
  constructor({ onSend, onCancel, onDrop }) {
    this.onSend = onSend;
    this.text = el("textarea.composer-text", {
      rows: "1", maxlength: String(LONGEST), "aria-label": t("ask.question"), name: "question", enterkeyhint: "send",
      oninput: () => this.changed(),
      onkeydown: (event) => {
        if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
        event.preventDefault();
        this.send();
      },
    });
    this.sendButton = el("button.composer-send", { type: "submit", "aria-label": t("ask.send"), title: t("ask.send") }, icon("send"));
    this.stopButton = el("button.composer-send.stop", { type: "button", "aria-label": t("ask.cancel"), title: t("ask.cancel"), hidden: true, onclick: onCancel }, icon("stop"));
    this.follows = el("div.composer-follows", { hidden: true });
    this.onDrop = onDrop;
    this.element = el("form.composer", { onsubmit: (event) => { event.preventDefault(); this.send(); } }, this.follows, el("div.composer-row", {}, this.text, this.sendButton, this.stopButton));
    this.follow(null);
    this.changed();
  }

  send() {
    const question = this.text.value.trim();
    if (question && !this.busy) this.onSend(question);
  }

  set(question) {
    this.text.value = question;
    this.changed();
  }

  focus() {
    this.text.focus();
    this.text.setSelectionRange(this.text.value.length, this.text.value.length);
  }

  changed() {
    this.sendButton.disabled = !this.text.value.trim();
    this.text.style.height = "auto";
    this.text.style.height = `${Math.min(this.text.scrollHeight, 200)}px`;
  }

  /** What the next question goes on from; null: nothing. */
  follow(question) {
    this.text.placeholder = t(question ? "ask.placeholder_follow" : "ask.placeholder");
    this.follows.hidden = !question;
    this.follows.replaceChildren(...(question ? [icon("right", "small"), el("span", { title: question }, t("ask.follows", { question })),
      iconButton("close", t("ask.follows_drop"), { small: true, class: "icon-button small", onclick: () => { this.follow(null); this.onDrop(); this.focus(); } })] : []));
  }

  set busy(busy) {
    this.working = busy;
    this.sendButton.hidden = busy;
    this.stopButton.hidden = !busy;
    this.text.readOnly = busy;
    this.element.classList.toggle("busy", busy);
  }

  get busy() {
    return Boolean(this.working);
  }
}
