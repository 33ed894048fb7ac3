// Keeping a chart: in the library, and on a dashboard if a person wants.
import { api } from "./api.js";
import { addToDashboard, newDashboard } from "./dashboard-add.js";
import { button, el } from "./dom.js";
import { openDialog, toast, toastError } from "./dialog.js";
import { lang, t } from "./i18n.js";

const NONE = "";
const NEW = "new";

/**
 * Ask for a title and a place, then keep the chart. `state` is a ChartEditor's; `more` goes with it as it is: question,
 * assumptions. `dashboard` true begins with the choice of one. Resolves to the saved chart, or null.
 */
export function openSave(state, { more = {}, dashboard = false } = {}) {
  return new Promise((resolve) => {
    let saved = null;
    const title = el("input.input", { maxlength: "200", required: true, name: "title" });
    title.value = state.title ?? "";
    const description = el("textarea.area", { maxlength: "2000", rows: "2", name: "description" });
    description.value = state.description ?? "";
    const place = dashboardChoice(dashboard);
    const save = async () => {
      if (!title.value.trim()) return title.focus();
      if (!place.valid()) return;
      form.inert = true;
      try {
        saved ??= await api.post("charts", { title: title.value.trim(), description: description.value.trim(), lang, sql: state.sql, template: state.template, ...more });
        const target = await place.put(saved);
        dialog.close();
        toast(target ? t("editor.on_dashboard", { title: target.title }) : t("editor.saved"),
          { action: [t("editor.open"), () => location.assign(target ? `/dashboards/${target.slug ?? target.id}` : `/charts/${saved.id}`)] });
      } catch (error) {
        toastError(error);
        form.inert = false;
      }
    };
    const form = el("form.save-form", { onsubmit: (event) => { event.preventDefault(); save(); } },
      el("label.field", {}, el("span", {}, t("editor.title")), title), el("label.field", {}, el("span", {}, t("editor.description")), description), place.element,
      el("button.visually-hidden", { type: "submit", tabindex: "-1", "aria-hidden": "true" }, t("shell.save")));
    const dialog = openDialog({
      title: t(dashboard ? "editor.save_to_dashboard" : "editor.save_chart"), content: form, onClose: () => resolve(saved),
      actions: [button(t("shell.cancel"), { onclick: () => dialog.close() }), button(t("shell.save"), { kind: "primary", onclick: save, data: { save: "" } })],
    });
    title.focus();
    title.select();
  });
}

/** Choose a dashboard for a chart that is kept already. */
export function openAddToDashboard(chart) {
  const place = dashboardChoice(true, { none: false });
  const add = async () => {
    if (!place.valid()) return;
    try {
      const target = await place.put(chart);
      dialog.close();
      toast(t("editor.on_dashboard", { title: target.title }), { action: [t("editor.open"), () => location.assign(`/dashboards/${target.slug ?? target.id}`)] });
    } catch (error) {
      toastError(error);
    }
  };
  const dialog = openDialog({
    title: t("editor.add_title", { title: chart.title }), content: place.element,
    actions: [button(t("shell.cancel"), { onclick: () => dialog.close() }), button(t("editor.add"), { kind: "primary", onclick: add, data: { save: "" } })],
  });
}

function dashboardChoice(wanted, { none = true } = {}) {
  let chosen = false; // by a person, perhaps before the list is there
  const select = el("select.select", { name: "dashboard", onchange: () => { chosen = true; show(); } }, none && el("option", { value: NONE }, t("editor.no_dashboard")), el("option", { value: NEW }, t("editor.new_dashboard")));
  const name = el("input.input", { maxlength: "200", name: "dashboard-title", placeholder: t("editor.new_dashboard_name"), "aria-label": t("editor.new_dashboard_name") });
  const show = () => (name.hidden = select.value !== NEW);
  if (!wanted) select.value = NONE;
  const known = new Map();
  api.get(`dashboards?lang=${lang}`).then(({ items }) => {
    for (const item of items) {
      known.set(String(item.id), item);
      select.append(el("option", { value: String(item.id) }, item.title));
    }
    if (wanted && !chosen && items.length) select.value = String(items[0].id);
    show();
  }).catch(toastError);
  show();
  return {
    element: el("div.save-place", {}, el("label.field", {}, el("span", {}, t("editor.dashboard")), select), name),
    valid: () => {
      if (select.value !== NEW || name.value.trim()) return true;
      name.focus();
      return false;
    },
    /** Put the chart where a person chose; resolves to the dashboard or null. */
    put: async (chart) => {
      const format = chart.format ?? chart.template?.format;
      if (select.value === NONE) return null;
      if (select.value === NEW) return newDashboard(name.value.trim(), chart.id, format);
      return addToDashboard(known.get(select.value).id, chart.id, format);
    },
  };
}
