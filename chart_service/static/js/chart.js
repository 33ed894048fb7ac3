// A chart of the library: looked at, changed, kept again.
import { api, saveFile } from "./api.js";
import { deleteChart } from "./chart-deletion.js";
import { ChartEditor, sideCard } from "./chart-editor.js";
import { button, el, icon, iconButton } from "./dom.js";
import { confirmed, openDialog, toast, toastError } from "./dialog.js";
import { ago, lang, momentText, t } from "./i18n.js";
import { openMenu } from "./menu.js";
import { data as given } from "./page.js";
import { openAddToDashboard, openSave } from "./save-dialog.js";

const root = document.querySelector("[data-chart-page]");
const one = (name) => root.querySelector(`[data-${name}]`);

class ChartPage {
  async begin() {
    try {
      this.kept = await api.get(`charts/${encodeURIComponent(given.chart)}?lang=${lang}`);
    } catch (error) {
      return this.missing(error);
    }
    this.words = { title: this.kept.title, description: this.kept.description };
    this.unsaved = el("span.badge.warn", { hidden: true }, t("charts.unsaved"));
    this.saveButton = button(t("charts.save"), { icon: "check", kind: "primary", disabled: true, data: { action: "save" }, onclick: () => this.save() });
    this.revertButton = button(t("charts.revert"), { icon: "undo", hidden: true, data: { action: "revert" }, onclick: () => this.revert() });
    this.pinButton = iconButton("pin", t("charts.pin_short"), { data: { action: "pin" }, onclick: () => this.pin() });
    const more = iconButton("more", t("shell.more"), { "aria-haspopup": "menu", "aria-expanded": "false", data: { action: "more" }, onclick: () => this.menu(more) });
    one("actions").replaceChildren(this.pinButton, button(t("charts.to_dashboard"), { icon: "dashboard", data: { action: "to-dashboard" }, onclick: () => openAddToDashboard(this.kept) }), more);
    this.editor = new ChartEditor({
      titled: false, side: this.side(), actions: [this.unsaved, this.revertButton, this.saveButton], onChange: () => this.marks(),
      saved: (state, refresh) => (this.isKept(state) ? api.post(`charts/${this.kept.id}/data`, { lang, refresh }) : null),
    });
    one("chart").replaceChildren(this.editor.element);
    addEventListener("beforeunload", (event) => this.dirty() && event.preventDefault());
    this.marks();
    await this.editor.show(this.stateOfKept());
    this.marks();
  }

  missing(error) {
    const gone = error.status === 404 || error.status === 422;
    root.replaceChildren(el("div.blank", {}, icon(gone ? "chart" : "warning"), el("h1", {}, t(gone ? "charts.gone" : "charts.not_loaded")), el("p", {}, gone ? t("charts.gone_hint") : error.message),
      gone ? el("a.button.primary", { href: "/charts" }, t("charts.to_library")) : button(t("shell.retry"), { kind: "primary", onclick: () => location.reload() })));
  }

  stateOfKept() {
    const { sql, template, title, description } = this.kept;
    return { sql, template, title, description, chart: null };
  }

  isKept({ sql, template }) {
    return sql === this.kept.sql && same(template, this.kept.template);
  }

  dirty() {
    const { state } = this.editor;
    return Boolean(state) && (!this.isKept(state) || this.words.title !== this.kept.title || this.words.description !== this.kept.description);
  }

  marks() {
    const { title, description } = this.words;
    one("title").replaceChildren(title, " ", iconButton("edit", t("charts.edit_words"), { small: true, class: "icon-button small title-edit", data: { action: "words" }, onclick: () => this.editWords() }));
    one("description").textContent = description;
    document.title = `${title} · ${t("shell.product")}`;
    this.pinButton.setAttribute("aria-pressed", String(this.kept.pinned));
    this.pinButton.title = t(this.kept.pinned ? "charts.unpin_short" : "charts.pin_short");
    const dirty = this.dirty();
    this.saveButton.disabled = !dirty;
    this.unsaved.hidden = this.revertButton.hidden = !dirty;
  }

  side() {
    const { assumptions, question, created_by: author, updated_at: changed, dashboards, starter } = this.kept;
    const facts = [
      question && [t("charts.question"), question],
      author && [t("charts.author"), author],
      [t("charts.changed_label"), el("time", { datetime: changed, title: momentText(changed) }, ago(changed))],
      [t("charts.dashboards_label"), dashboards ? t("charts.on_dashboards", { n: dashboards }) : t("charts.nowhere")],
    ].filter(Boolean);
    return [
      assumptions.length ? sideCard(t("charts.assumptions"), el("ul.assumptions", {}, assumptions.map((text) => el("li", {}, text)))) : null,
      sideCard(t("charts.facts"), el("dl.facts", {}, facts.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])), starter && el("span.badge", {}, t("charts.starter"))),
    ].filter(Boolean);
  }

  editWords() {
    const title = el("input.input", { maxlength: "200", name: "title" });
    title.value = this.words.title;
    const description = el("textarea.area", { maxlength: "2000", rows: "3", name: "description" });
    description.value = this.words.description;
    const accept = () => {
      if (!title.value.trim()) return title.focus();
      this.words = { title: title.value.trim(), description: description.value.trim() };
      dialog.close();
      Object.assign(this.editor.state, this.words);
      this.marks();
      this.editor.draw();
    };
    const form = el("form.save-form", { onsubmit: (event) => { event.preventDefault(); accept(); } },
      el("label.field", {}, el("span", {}, t("editor.title")), title), el("label.field", {}, el("span", {}, t("editor.description")), description));
    const dialog = openDialog({ title: t("charts.edit_words"), content: form, actions: [button(t("shell.cancel"), { onclick: () => dialog.close() }), button(t("shell.save"), { kind: "primary", onclick: accept })] });
    title.focus();
  }

  body() {
    const { question, lang: written, assumptions } = this.kept;
    const { sql, template } = this.editor.state;
    return { ...this.words, question, lang: written, assumptions, sql, template };
  }

  async save() {
    this.saveButton.classList.add("busy");
    try {
      await api.put(`charts/${this.kept.id}?lang=${lang}`, { ...this.body(), version: this.kept.version });
      this.kept = await api.get(`charts/${this.kept.id}?lang=${lang}`);
      this.words = { title: this.kept.title, description: this.kept.description };
      Object.assign(this.editor.state, { sql: this.kept.sql, template: this.kept.template });
      this.editor.sideExtra.replaceChildren(...this.side());
      toast(t("charts.saved"));
    } catch (error) {
      if (error.code === "changed_meanwhile") this.conflict();
      else if (error.rule || error.at) this.editor.sql.tell(error);
      else toastError(error);
    } finally {
      this.saveButton.classList.remove("busy");
      this.marks();
    }
  }

  conflict() {
    const dialog = openDialog({
      title: t("charts.conflict"),
      actions: [button(t("charts.save_copy"), { onclick: () => { dialog.close(); this.copy(); } }), button(t("charts.reload"), { kind: "primary", onclick: () => { dialog.close(); this.kept = { ...this.kept, ...this.words }; this.editor.state = null; location.reload(); } })],
    });
  }

  async revert() {
    this.words = { title: this.kept.title, description: this.kept.description };
    await this.editor.show(this.stateOfKept());
    this.marks();
  }

  copy() {
    const { question, assumptions } = this.body();
    return openSave({ ...this.editor.state, title: t("charts.copy_of", { title: this.words.title }).slice(0, 200), description: this.words.description }, { more: { question, assumptions } });
  }

  async pin() {
    try {
      await api.post(`charts/${this.kept.id}/pin`, { pinned: !this.kept.pinned });
      this.kept.pinned = !this.kept.pinned;
      this.marks();
    } catch (error) {
      toastError(error);
    }
  }

  menu(anchor) {
    openMenu(anchor, [
      { icon: "edit", label: t("charts.edit_words"), name: "words", run: () => this.editWords() },
      { icon: "copy", label: t("charts.duplicate"), name: "duplicate", run: () => this.copy() },
      { icon: "code", label: t("charts.export_sql"), name: "sql", run: () => this.download("sql") },
      { icon: "image", label: t("charts.print"), name: "print", run: () => print() },
      null,
      { icon: "trash", label: t("charts.delete"), name: "delete", danger: true, run: () => this.remove() },
    ]);
  }

  async download(kind) {
    try {
      const { blob, name } = await api.file("GET", `charts/${this.kept.id}/export.${kind}?lang=${lang}`);
      saveFile(blob, name);
    } catch (error) {
      toastError(error);
    }
  }

  async remove() {
    if (this.kept.dashboards === 0) {
      const sure = await confirmed({ title: t("charts.delete_title", { title: this.kept.title }), text: "", yes: t("charts.delete") });
      if (!sure) return;
    }
    await deleteChart(this.kept, { hide: () => this.gone(), undone: () => location.reload() });
  }

  gone() {
    this.editor.state = null;
    root.replaceChildren(el("div.blank", {}, icon("trash"), el("h1", {}, t("charts.deleted", { title: this.kept.title })), el("a.button.primary", { href: "/charts" }, t("charts.to_library"))));
  }
}

/** Whether two templates say the same; a key that is null says nothing. */
function same(one, other) {
  const plain = (value) => (Array.isArray(value) ? value.map(plain) : value && typeof value === "object"
    ? Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== null && inner !== undefined).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, plain(inner)]))
    : value);
  return JSON.stringify(plain(one)) === JSON.stringify(plain(other));
}

new ChartPage().begin();
