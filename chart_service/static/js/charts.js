// The library of charts.
import { api, saveFile } from "./api.js";
import { deleteChart } from "./chart-deletion.js";
import { chartThumb } from "./chart-thumb.js";
import { button, debounce, el, icon, iconButton } from "./dom.js";
import { toast, toastError } from "./dialog.js";
import { formatIcon } from "./format-picker.js";
import { ago, lang, momentText, t } from "./i18n.js";
import { openMenu } from "./menu.js";
import { openAddToDashboard } from "./save-dialog.js";

const PAGE = 48;
const place = document.querySelector("[data-charts]");
const parameters = new URLSearchParams(location.search);
const state = { q: parameters.get("q") ?? "", pinned: parameters.get("pinned") === "1", items: [], total: 0, asks: 0 };

const search = el("input.input", { type: "search", placeholder: t("charts.find"), "aria-label": t("charts.find"), oninput: debounce(180, () => { state.q = search.value.trim(); load(); }) });
search.value = state.q;
const tabs = el("div.segmented", { role: "group", "aria-label": t("charts.which") }, [false, true].map((pinned) => el("button", { type: "button", data: { pinned: String(pinned) }, onclick: () => { state.pinned = pinned; load(); } }, t(pinned ? "charts.pinned" : "charts.all"))));
const count = el("p.small.muted", { role: "status" });
const grid = el("div.library");
const more = button(t("charts.more"), { hidden: true, onclick: () => load({ more: true }) });
place.replaceChildren(el("div.library-tools", {}, el("label.search", {}, icon("search"), search), tabs, count), grid, el("div.library-more", {}, more));

const make = button(t("charts.new"), { icon: "plus", kind: "primary", "aria-haspopup": "menu", "aria-expanded": "false", data: { action: "new" }, onclick: () => openMenu(make, [
  { icon: "ask", label: t("charts.new_ask"), href: "/ask" }, { icon: "code", label: t("charts.new_sql"), href: "/ask?mode=sql" }]) });
document.querySelector("[data-actions]").append(make);

async function load({ more: further = false } = {}) {
  const mine = (state.asks += 1);
  address();
  for (const tab of tabs.children) tab.setAttribute("aria-pressed", String(tab.dataset.pinned === String(state.pinned)));
  if (!state.items.length && !grid.children.length) grid.replaceChildren(...Array.from({ length: 8 }, () => el("div.chart-tile", { "aria-hidden": "true" }, el("div.thumb", {}, el("span.skeleton")), el("span.skeleton.tile-line"), el("span.skeleton.tile-line"))));
  const query = new URLSearchParams({ lang, limit: String(PAGE), offset: String(further ? state.items.length : 0), ...(state.q && { q: state.q }), ...(state.pinned && { pinned: "true" }) });
  try {
    const { items, total } = await api.get(`charts?${query}`);
    if (mine !== state.asks) return;
    state.items = further ? [...state.items, ...items] : items;
    state.total = total;
    show(further ? items : null);
  } catch (error) {
    if (mine !== state.asks) return;
    state.items = [];
    count.textContent = "";
    more.hidden = true;
    grid.replaceChildren(blank({ icon: "warning", title: t("charts.failed"), text: error.message, action: button(t("shell.retry"), { kind: "primary", onclick: () => load() }) }));
  }
}

function address() {
  const url = new URL(location);
  for (const [name, value] of [["q", state.q], ["pinned", state.pinned ? "1" : ""]]) {
    if (value) url.searchParams.set(name, value);
    else url.searchParams.delete(name);
  }
  history.replaceState(null, "", url);
}

const blank = ({ icon: name, title, text = null, action = null }) => el("div.blank", {}, icon(name), el("h2", {}, title), text && el("p", {}, text), action);

function show(added = null) {
  count.textContent = t("charts.count", { n: state.total });
  more.hidden = state.items.length >= state.total;
  if (!state.items.length) return grid.replaceChildren(nothing());
  const scrolled = scrollY;
  if (added) grid.append(...added.map(tile));
  else grid.replaceChildren(...state.items.map(tile));
  scrollTo({ top: scrolled });
}

function nothing() {
  if (state.q) return blank({ icon: "search", title: t("charts.nothing", { query: state.q }) });
  if (state.pinned) return blank({ icon: "pin", title: t("charts.none_pinned"), text: t("charts.none_pinned_hint") });
  return blank({ icon: "chart", title: t("charts.none"), text: t("charts.none_hint"), action: el("a.button.primary", { href: "/ask" }, t("charts.new_ask")) });
}

function tile(chart) {
  const facts = [chart.dashboards > 0 && t("charts.on_dashboards", { n: chart.dashboards }), t("charts.changed", { ago: ago(chart.updated_at) })].filter(Boolean).join(" · ");
  const menu = iconButton("more", t("charts.menu", { title: chart.title }), { small: true, "aria-haspopup": "menu", "aria-expanded": "false", onclick: () => openTileMenu(menu, chart, card) });
  const pin = iconButton("pin", t("charts.pin", { title: chart.title }), { small: true, "aria-pressed": String(chart.pinned), data: { action: "pin" }, onclick: () => setPinned(chart) });
  const card = el("article.chart-tile", { data: { chart: String(chart.id) } }, chartThumb(chart),
    el("div.tile-head", {}, el("h2.tile-title", {}, el("a", { href: `/charts/${chart.id}` }, chart.title)), el("div.tile-tools", {}, pin, menu)),
    chart.description && el("p.tile-description", {}, chart.description),
    el("p.tile-foot.small", { title: momentText(chart.updated_at) }, formatIcon(chart.format, "small"), el("span", {}, facts)));
  return card;
}

function openTileMenu(anchor, chart, card) {
  openMenu(anchor, [
    { icon: "chart", label: t("charts.open"), name: "open", href: `/charts/${chart.id}` },
    { icon: "dashboard", label: t("charts.to_dashboard"), name: "to-dashboard", run: () => openAddToDashboard(chart) },
    { icon: "pin", label: t(chart.pinned ? "charts.unpin_short" : "charts.pin_short"), name: "pin", run: () => setPinned(chart) },
    { icon: "copy", label: t("charts.duplicate"), name: "duplicate", run: () => duplicate(chart) },
    null,
    { icon: "download", label: t("charts.export_csv"), name: "csv", run: () => download(chart, "csv") },
    { icon: "download", label: t("charts.export_xlsx"), name: "xlsx", run: () => download(chart, "xlsx") },
    null,
    { icon: "trash", label: t("charts.delete"), name: "delete", danger: true, run: () => remove(chart, card) },
  ]);
}

async function setPinned(chart) {
  try {
    await api.post(`charts/${chart.id}/pin`, { pinned: !chart.pinned });
    await load();
    grid.querySelector(`[data-chart="${chart.id}"] [data-action=pin]`)?.focus({ preventScroll: true });
  } catch (error) {
    toastError(error);
  }
}

async function duplicate({ id }) {
  try {
    const { title, description, question, lang: written, sql, template, assumptions } = await api.get(`charts/${id}?lang=${lang}`);
    await api.post("charts", { title: t("charts.copy_of", { title }).slice(0, 200), description, question, lang: written, sql, template, assumptions });
    await load();
  } catch (error) {
    toastError(error);
  }
}

async function download({ id, title }, kind) {
  try {
    const { blob, name } = await api.file("GET", `charts/${id}/export.${kind}?lang=${lang}`, { name: `${title}.${kind}` });
    saveFile(blob, name);
  } catch (error) {
    toastError(error);
  }
}

function remove(chart, card) {
  return deleteChart(chart, {
    hide: () => {
      card.hidden = true;
      state.total -= 1;
      count.textContent = t("charts.count", { n: state.total });
    },
    undone: () => {
      card.hidden = false;
      state.total += 1;
      count.textContent = t("charts.count", { n: state.total });
      toast(t("charts.kept"));
    },
  });
}

load();
