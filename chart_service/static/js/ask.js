// The page that questions are asked on: the box, the stages, the answer, what to do with it, what to ask next.
import { api, ApiError } from "./api.js";
import { pastAsks, pastEntry, openHistory } from "./ask-history.js";
import { assumptionsCard, emptyCard, failureCard, noKeyNotice, stateCard } from "./ask-notes.js";
import { Stages } from "./ask-stages.js";
import { ChartEditor } from "./chart-editor.js";
import { Composer } from "./composer.js";
import { button, el, icon } from "./dom.js";
import { toast, toastError } from "./dialog.js";
import { lang, t } from "./i18n.js";
import { data as given } from "./page.js";
import { openSave } from "./save-dialog.js";

const SUGGESTED = 6;
const RECENT = 5;
const FOLLOWS = 4;

/** A button of the page's head: on a phone its icon alone. */
const action = (label, { icon: name, ...rest }) => el("button.button", { type: "button", title: label, ...rest }, icon(name), el("span.action-label", {}, label));

const isEdited = ({ answer, state }) => Boolean(state) && state.sql !== answer.sql;

class AskPage {
  constructor(root) {
    this.root = root;
    this.actions = document.querySelector("[data-actions]");
    this.heading = document.querySelector(".page-head h1");
    this.thread = []; // what was asked one after the other: {question, answer, state}
    this.composer = new Composer({ onSend: (question) => this.ask(question), onCancel: () => this.cancel(), onDrop: () => (this.follows = null) });
    this.content = el("div.ask-content");
    this.below = el("div.ask-below", {});
    root.replaceChildren(this.content, this.below);
  }

  async begin() {
    addEventListener("popstate", () => this.fromAddress());
    addEventListener("beforeunload", () => this.abort?.abort());
    await this.fromAddress();
  }

  async fromAddress() {
    const parameters = new URLSearchParams(location.search);
    const id = parameters.get("id");
    if (id) {
      const known = this.thread.find(({ answer }) => answer?.ask_id === id);
      if (known) return this.showAgain(known);
      try {
        return await this.openPast(await api.get(`asks/${encodeURIComponent(id)}`), { push: false });
      } catch (error) {
        toast(error.status === 404 || error.status === 422 ? t("ask.not_found") : error.message, { bad: true });
      }
    }
    if (parameters.get("mode") === "sql") return this.writeSql({ push: false });
    this.start({ push: false, question: parameters.get("q") ?? "" });
  }

  address(search, push = true) {
    const url = `${location.pathname}${search}`;
    if (url === `${location.pathname}${location.search}`) return;
    if (push) history.pushState(null, "", url);
    else history.replaceState(null, "", url);
  }

  // -- where one begins

  start({ push = true, question = "" } = {}) {
    this.cancel();
    this.leave();
    this.thread = [];
    this.follows = null;
    if (push) this.address("");
    this.title(t("shell.ask"));
    this.root.className = "ask begin";
    this.composer.follow(null);
    this.composer.set(question);
    const head = el("div.ask-hello", {}, el("h2", {}, t("ask.start_title")), el("p.muted", {}, t("ask.start_lead")));
    const suggestions = el("div.suggestions");
    const recent = el("div.recent");
    this.content.replaceChildren(...(given.model ? [head, this.composer.element, suggestions, recent] : [noKeyNotice(() => this.writeSql()), recent]));
    this.below.replaceChildren();
    this.showActions();
    if (given.model) {
      this.suggest(suggestions);
      this.composer.focus();
    }
    this.showRecent(recent);
  }

  async suggest(place) {
    try {
      const { items } = await api.get(`ask/suggestions?lang=${lang}`);
      if (!items.length) return;
      place.replaceChildren(el("h3.suggestions-title", {}, t("ask.suggestions")), el("div.suggestion-grid", {}, items.slice(0, SUGGESTED).map((text) => el("button.suggestion", { type: "button", onclick: () => this.ask(text) }, icon("ask"), el("span", {}, text)))));
    } catch {
      place.replaceChildren(); // the page works without them
    }
  }

  async showRecent(place) {
    try {
      const { items: all } = await pastAsks(RECENT * 4);
      const items = all.filter(({ question }, at) => all.findIndex((other) => other.question === question) === at).slice(0, RECENT);
      if (items.length) place.replaceChildren(el("h3.suggestions-title", {}, t("ask.recent")), el("ul.past-list.card", {}, items.map((ask) => pastEntry(ask, (chosen) => this.openPast(chosen)))));
    } catch {
      place.replaceChildren(); // the panel of the history says what failed
    }
  }

  showActions() {
    const begun = this.root.className !== "ask begin";
    this.actions.replaceChildren(...[
      begun && action(t("ask.new"), { icon: "plus", data: { action: "new" }, onclick: () => this.start() }),
      this.root.className !== "ask sql" && action(t("ask.write_sql"), { icon: "code", data: { action: "sql" }, onclick: () => this.writeSql() }),
      action(t("ask.history"), { icon: "clock", data: { action: "history" }, onclick: () => openHistory((ask) => this.openPast(ask)) }),
    ].filter(Boolean));
  }

  title(text) {
    this.heading.textContent = text;
    document.title = `${text} · ${t("shell.product")}`;
  }

  // -- asking

  async ask(question) {
    this.cancel();
    this.leave();
    const follows = this.follows;
    const abort = (this.abort = new AbortController());
    const stages = new Stages();
    this.working(question, stages);
    const turn = { question, follows };
    try {
      const answer = await this.stream({ question, follows: follows?.answer.ask_id ?? null }, stages, abort.signal);
      turn.answer = answer;
      turn.state = answer.chart && { sql: answer.sql, template: answer.template, title: answer.title, description: answer.description, chart: answer.chart };
      this.thread.push(turn);
      this.address(`?id=${answer.ask_id}`);
      await this.showAnswer(turn);
    } catch (error) {
      if (abort.signal.aborted) return;
      this.showFailure(turn, error instanceof ApiError ? error : new ApiError(0, { detail: t("shell.error_network") }));
    } finally {
      stages.destroy();
      if (this.abort === abort) {
        this.abort = null;
        this.composer.busy = false;
      }
    }
  }

  async stream(body, stages, signal) {
    let answer = null;
    let failure = null;
    await api.events("ask", body, (name, data) => {
      if (name === "stage") stages.reach(data.stage);
      else if (name === "answer") answer = data;
      else if (name === "error") failure = new ApiError(data.status ?? 422, data);
    }, { signal });
    if (failure) throw failure;
    if (!answer) throw new ApiError(0, { detail: t("shell.error_network") });
    return answer;
  }

  working(question, stages) {
    this.root.className = "ask";
    this.title(question);
    this.composer.set(question);
    this.composer.busy = true;
    this.content.replaceChildren(this.trail(), stages.element);
    this.below.replaceChildren(this.composer.element);
    this.showActions();
  }

  /** Stop what is going on; the question stays in the box, to be changed. */
  cancel() {
    if (!this.abort) return;
    this.abort.abort();
    this.abort = null;
    this.composer.busy = false;
    this.content.replaceChildren(this.trail(), stateCard({ icon: "stop", title: t("ask.cancelled"), text: null, actions: [button(t("shell.retry"), { kind: "primary", onclick: () => this.composer.send() })] }));
    this.composer.focus();
  }

  leave() {
    this.editor?.destroy();
    this.editor = null;
  }

  // -- answers

  async showAnswer(turn) {
    const { answer } = turn;
    this.root.className = "ask answered";
    this.title(turn.question);
    this.below.replaceChildren(this.composer.element);
    this.composer.set("");
    this.showActions();
    if (answer.outcome === "clarification") return this.showClarification(turn);
    this.followOn(turn);
    const note = assumptionsCard(answer);
    if (answer.outcome === "empty" || !turn.state) return this.showEmpty(turn, note);
    this.work(turn, note);
    this.content.replaceChildren(this.trail(), this.editor.element, this.followSuggestions());
    await this.editor.show(turn.state);
    this.editedMark(turn);
  }

  /** The chart, its statement, how the question was read; what a person changes there is kept with the turn. */
  work(turn, note, onChange = () => {}) {
    this.edited = el("p.work-edited", { hidden: true }, icon("edit", "small"), el("span", {}, t("ask.edited")));
    this.editor = new ChartEditor({
      side: [this.edited, note], actions: this.answerActions(turn),
      onChange: (state) => {
        turn.state = state;
        this.editedMark(turn);
        onChange();
      },
    });
  }

  /** Assumptions are those of the model's statement, not of one that a person wrote in its place. */
  editedMark(turn) {
    this.edited.hidden = !isEdited(turn);
  }

  followOn(turn) {
    this.follows = turn;
    this.composer.follow(turn.question);
  }

  answerActions(turn) {
    const more = () => (isEdited(turn) ? {} : { question: turn.question, assumptions: turn.answer.assumptions.map((text) => text.slice(0, 500)).slice(0, 20) });
    const approve = button(t(turn.approved ? "ask.approved_short" : "ask.approve"), { icon: "thumb", title: t("ask.approve_hint"), "aria-pressed": String(Boolean(turn.approved)), data: { action: "approve" }, onclick: () => this.approve(turn, approve) });
    return [
      turn.answer.ask_id && approve,
      button(t("editor.to_dashboard"), { icon: "dashboard", data: { action: "to-dashboard" }, onclick: () => openSave(this.editor.state, { more: more(), dashboard: true }) }),
      button(t("ask.save"), { icon: "check", kind: "primary", data: { action: "save" }, onclick: () => openSave(this.editor.state, { more: more() }) }),
    ];
  }

  async approve(turn, pressed) {
    try {
      const { sql, template } = this.editor.state;
      await api.post(`asks/${turn.answer.ask_id}/approve`, { sql, template });
      turn.approved = true;
      pressed.setAttribute("aria-pressed", "true");
      pressed.lastChild.textContent = t("ask.approved_short");
      toast(t("ask.approved"));
    } catch (error) {
      toastError(error);
    }
  }

  showClarification(turn) {
    this.composer.set(`${turn.question} `);
    this.content.replaceChildren(this.trail(), stateCard({ icon: "ask", title: t("ask.clarification"), text: turn.answer.clarification, detail: t("ask.clarification_hint") }),
      ...(turn.answer.assumptions.length ? [assumptionsCard(turn.answer)] : []));
    this.composer.focus();
  }

  /** The statement ran and found nothing: it can be changed all the same. */
  async showEmpty(turn, note) {
    const card = emptyCard(turn.answer, turn.question, (question) => {
      this.follows = null;
      this.composer.follow(null);
      this.ask(question);
    });
    this.work(turn, note, () => card.remove());
    const state = turn.state ?? { sql: turn.answer.sql, template: turn.answer.template, title: turn.answer.title, description: turn.answer.description, chart: null };
    this.content.replaceChildren(this.trail(), this.editor.element, this.followSuggestions());
    this.editor.blank({ ...state, title: "", text: "" });
    this.editor.state = state;
    this.editor.put(card);
  }

  showFailure(turn, error) {
    this.root.className = "ask answered";
    this.below.replaceChildren(this.composer.element);
    this.composer.set(turn.question);
    this.showActions();
    const retry = () => this.ask(turn.question);
    const rephrase = () => this.composer.focus();
    const place = el("div.ask-failed");
    this.content.replaceChildren(this.trail(), place);
    place.append(failureCard(error, { retry, rephrase, editSql: null }));
    this.offerSql(turn, error, place, { retry, rephrase });
  }

  /** The statement that was refused is in the history: a person may mend what the model could not. */
  async offerSql(turn, error, place, ways) {
    if (error.status === 0 || ["no_model", "budget_spent", "nothing_synced"].includes(error.code)) return;
    try {
      const { items } = await pastAsks(1);
      const last = items[0];
      if (!last?.sql || last.question !== turn.question || !place.isConnected) return;
      const editSql = () => this.writeSql({ sql: last.sql, template: last.template, problem: error });
      place.replaceChildren(failureCard(error, { ...ways, editSql }));
    } catch {
      // the card without this way is there already
    }
  }

  /** What was asked before, to go back to. */
  trail() {
    const before = this.thread.filter(({ answer }) => answer);
    if (before.length < 2) return el("span", { hidden: true });
    return el("nav.trail", { "aria-label": t("ask.thread") }, el("ol", {}, before.map((turn) => el("li", {}, el("button.trail-turn", { type: "button", "aria-current": turn.question === this.heading.textContent ? "true" : null, onclick: () => this.showAgain(turn) }, turn.question)))));
  }

  async showAgain(turn) {
    this.cancel();
    this.leave();
    this.address(`?id=${turn.answer.ask_id}`);
    await this.showAnswer(turn);
  }

  followSuggestions() {
    if (!given.model) return el("span", { hidden: true });
    const texts = Array.from({ length: FOLLOWS }, (_, at) => t(`ask.follow_${at + 1}`));
    return el("div.follow-chips", {}, texts.filter((text) => text !== this.heading.textContent).map((text) => el("button.suggestion.small-one", { type: "button", onclick: () => this.ask(text) }, text)));
  }

  /** A question of the past: its statement is run again, the model is not asked. */
  async openPast(past, { push = true } = {}) {
    this.cancel();
    this.leave();
    if (!past.sql) return this.start({ push, question: past.question });
    const answer = { ask_id: past.id, outcome: past.outcome, assumptions: past.assumptions, plan: "", usage: null, cached: false, repairs: past.repairs, sql: past.sql, template: past.template, title: past.title ?? past.question, description: "" };
    const turn = { question: past.question, answer, state: null };
    this.root.className = "ask answered";
    this.title(past.question);
    this.showActions();
    this.followOn(turn);
    this.below.replaceChildren(...(given.model ? [this.composer.element] : []));
    this.composer.set("");
    this.address(`?id=${past.id}`, push);
    this.work(turn, assumptionsCard(answer));
    this.content.replaceChildren(this.editor.element, this.followSuggestions());
    this.thread = [turn];
    const state = { sql: past.sql, template: past.template, title: answer.title, description: "", chart: null };
    await this.editor.show(state);
    turn.state = state;
  }

  // -- without the model

  writeSql({ sql = "", template = null, problem = null, push = true } = {}) {
    this.cancel();
    this.leave();
    if (push) this.address("?mode=sql");
    this.root.className = "ask sql";
    this.title(t("ask.sql_title"));
    this.below.replaceChildren();
    this.showActions();
    const save = button(t("ask.save"), { icon: "check", kind: "primary", disabled: true, data: { action: "save" }, onclick: () => openSave(this.editor.state) });
    const place = button(t("editor.to_dashboard"), { icon: "dashboard", disabled: true, data: { action: "to-dashboard" }, onclick: () => openSave(this.editor.state, { dashboard: true }) });
    const hint = el("p.work-tip.small", {}, icon("info", "small"), el("span", {}, t("ask.sql_start"), " ", el("a", { href: "/schema", target: "_blank", rel: "noopener" }, t("ask.open_schema"))));
    this.editor = new ChartEditor({ side: [hint], actions: [place, save], onChange: () => { save.disabled = place.disabled = false; } });
    this.content.replaceChildren(this.editor.element);
    this.editor.blank({ sql, template, title: t("ask.sql_blank"), text: t("ask.sql_blank_hint") });
    if (problem) this.editor.sql.tell(problem);
    this.editor.sql.focus();
  }
}

new AskPage(document.querySelector("[data-ask]")).begin();
