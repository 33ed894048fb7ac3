// An editor for one statement: a text area over its coloured copy, so that everything a text area can do still works.
import { api } from "./api.js";
import { debounce, el, icon } from "./dom.js";
import { t } from "./i18n.js";
import { lines, wordAt } from "./sql-paint.js";

const CHECK_MILLISECONDS = 700;

/**
 * `onRun()` at Ctrl+Enter; `onInput(text)` at each change. While a person types, the guard is asked what it makes of the
 * statement; what it refuses is marked at its place, and told below in words.
 */
export class SqlEditor {
  constructor({ value = "", label, onRun = () => {}, onInput = () => {} }) {
    this.onInput = onInput;
    this.problem = null;
    const id = `sql-${Math.random().toString(36).slice(2)}`;
    this.paint = el("pre.sql-paint", { "aria-hidden": "true" });
    this.text = el("textarea.sql-text", {
      "aria-label": label, "aria-describedby": id, spellcheck: "false", autocapitalize: "off", autocomplete: "off", wrap: "soft", maxlength: "20000",
      oninput: () => this.changed(),
      onkeydown: (event) => {
        if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
        event.preventDefault();
        onRun();
      },
    });
    this.message = el("div.sql-message", { id, "aria-live": "polite" });
    this.element = el("div.sql", {}, el("div.sql-scroll", {}, el("div.sql-stack", {}, this.paint, this.text)), this.message);
    this.askGuard = debounce(CHECK_MILLISECONDS, () => this.check());
    this.set(value);
  }

  get value() {
    return this.text.value;
  }

  /** Put a statement in, as one that is known to be good. */
  set(value) {
    this.abort?.abort();
    this.text.value = value;
    this.tell(null);
  }

  focus() {
    this.text.focus();
  }

  changed() {
    this.tell(null);
    this.onInput(this.value);
    this.askGuard();
  }

  /** Ask the guard, without running anything. */
  async check() {
    this.abort?.abort();
    const sql = this.value;
    if (!sql.trim()) return;
    this.abort = new AbortController();
    try {
      const found = await api.post("sql/check", { sql }, { signal: this.abort.signal });
      if (this.value === sql) this.tell(found.ok ? null : found);
    } catch (error) {
      if (error.name !== "AbortError" && this.value === sql) this.tell(error);
    }
  }

  /** Show what is wrong: {message, at: [line, column]}; null takes it away. */
  tell(problem) {
    this.problem = problem;
    this.abort?.abort();
    this.draw();
    this.text.setAttribute("aria-invalid", String(Boolean(problem)));
    const at = this.place();
    this.message.replaceChildren(...(problem ? [el("div.sql-problem", {}, icon("warning"), el("p", {},
      at && el("button.sql-jump", { type: "button", onclick: () => this.jump() }, t("editor.at", { line: String(at[0]), column: String(at[1]) })), " ", problem.message))] : []));
  }

  /** The problem's line and column, if that place is still there. */
  place() {
    const at = this.problem?.at;
    return at && at[0] >= 1 && at[0] <= this.value.split("\n").length ? at : null;
  }

  /** Put the cursor where the problem is. */
  jump() {
    const at = this.place();
    if (!at) return;
    const before = this.value.split("\n").slice(0, at[0] - 1).join("\n").length + (at[0] > 1 ? 1 : 0);
    const [start, end] = wordAt(this.value.split("\n")[at[0] - 1], at[1]);
    this.text.focus();
    this.text.setSelectionRange(before + start, before + end);
  }

  draw() {
    const at = this.place();
    const text = this.value.split("\n");
    this.paint.replaceChildren(...lines(this.value).map((pieces, index) => {
      const bad = at && at[0] === index + 1;
      return el(`span.sql-line${bad ? ".bad" : ""}`, {}, bad ? underlined(pieces, wordAt(text[index], at[1])) : pieces.map(painted), "\n");
    }));
  }
}

const painted = ({ text, kind }) => (kind ? el(`span.sql-${kind}`, {}, text) : text);

/** The pieces of a line, cut where the mark begins and ends. */
function underlined(pieces, [start, end]) {
  let at = 0;
  return pieces.flatMap((piece) => {
    const from = at;
    at += piece.text.length;
    const cuts = [0, Math.max(0, Math.min(piece.text.length, start - from)), Math.max(0, Math.min(piece.text.length, end - from)), piece.text.length];
    return [0, 1, 2].filter((part) => cuts[part] < cuts[part + 1]).map((part) => {
      const node = painted({ ...piece, text: piece.text.slice(cuts[part], cuts[part + 1]) });
      return part === 1 ? el("span.sql-mark", {}, node) : node;
    });
  });
}
