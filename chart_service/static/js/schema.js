// The schema: tables at the side, the columns of one, or what a search finds in all of them.
import { api } from "./api.js";
import { button, debounce, el, icon } from "./dom.js";
import { ago, number, t } from "./i18n.js";
import { columnEntry, meaningOf, tableMeaning, titleOf } from "./schema-entry.js";
import { foundIn, words } from "./schema-search.js";

const place = document.querySelector("[data-schema]");
const state = { tables: [], counted: null, words: [], hideEmpty: localStorage.getItem("schema-hide-empty") === "1" };

function blank(title, text, action = null) {
  return el("div.blank", {}, el("h2", {}, title), text && el("p", {}, text), action);
}

async function load() {
  place.replaceChildren(el("div.schema", { "aria-busy": "true" }, el("div.schema-tables", {}, skeletons(9)), el("div.card.schema-table", {}, skeletons(12))));
  try {
    const { tables, created_at: counted } = await api.get("schema/tables");
    Object.assign(state, { tables, counted });
  } catch (error) {
    place.replaceChildren(blank(t("schema.failed"), error.message, button(t("shell.retry"), { kind: "primary", onclick: load })));
    return;
  }
  if (!state.tables.length) return place.replaceChildren(blank(t("schema.none"), t("schema.none_hint")));
  document.querySelector("[data-download]").hidden = false;
  build();
}

const skeletons = (count) => Array.from({ length: count }, () => el("div.skeleton.schema-skeleton"));

const list = el("nav.schema-tables", { "aria-label": t("schema.tables") });
const content = el("div.schema-content");
const input = el("input.input", { type: "search", placeholder: t("schema.search"), "aria-label": t("shell.search"), autocomplete: "off", spellcheck: "false" });
const count = el("p.small.muted", { role: "status" });

function build() {
  const empty = el("input", { type: "checkbox", onchange: () => {
    state.hideEmpty = empty.checked;
    localStorage.setItem("schema-hide-empty", empty.checked ? "1" : "0");
    show();
  } });
  empty.checked = state.hideEmpty;
  input.value = new URLSearchParams(location.search).get("q") ?? "";
  state.words = words(input.value);
  input.addEventListener("input", debounce(120, () => search(input.value)));
  input.addEventListener("keydown", (event) => event.key === "Escape" && input.value && (event.preventDefault(), clear()));
  place.replaceChildren(el("div.schema", {}, list, el("div.schema-main", {},
    el("div.schema-tools", {}, el("label.search", {}, icon("search"), input), el("label.checkbox", {}, empty, el("span", {}, t("schema.hide_empty"))), count), content)));
  addEventListener("hashchange", () => { if (state.words.length) clear({ keep: true }); else show(); });
  show();
}

function search(text) {
  state.words = words(text);
  const address = new URL(location);
  if (text.trim()) address.searchParams.set("q", text.trim());
  else address.searchParams.delete("q");
  history.replaceState(null, "", address);
  show();
}

function clear({ keep = false } = {}) {
  input.value = "";
  search("");
  if (!keep) input.focus();
}

const chosen = () => location.hash.slice(1).split(".");

function show() {
  const [name, column] = chosen();
  const table = state.tables.find((one) => one.name === decodeURIComponent(name)) ?? state.tables[0];
  const searching = state.words.length > 0;
  const found = searching ? state.tables.map((one) => ({ table: one, columns: visible(foundIn(one, state.words)) })).filter(({ columns }) => columns.length) : [];
  showTables(searching ? null : table, found);
  if (searching) {
    const total = found.reduce((sum, { columns }) => sum + columns.length, 0);
    count.textContent = t("schema.found", { n: total });
    content.replaceChildren(...(total ? found.map(({ table: one, columns }) => tableCard(one, columns, { brief: true })) : [blank(t("schema.nothing"), t("schema.nothing_hint"), button(t("schema.clear"), { onclick: () => clear() }))]));
  } else {
    count.textContent = state.counted ? t("schema.counted", { ago: ago(state.counted) }) : "";
    content.replaceChildren(tableCard(table, visible(table.columns)));
  }
  if (column && !searching) reveal(`${table.name}.${decodeURIComponent(column)}`);
}

const visible = (columns) => (state.hideEmpty ? columns.filter((column) => column.filled !== 0) : columns);

function showTables(current, found) {
  const counts = new Map(found.map(({ table, columns }) => [table.name, columns.length]));
  list.replaceChildren(el("ul", {}, state.tables.map((table) => el("li", {}, el(`a.schema-link${state.words.length && !counts.has(table.name) ? ".dim" : ""}`, {
    href: `#${table.name}`, "aria-current": table === current ? "true" : null },
  el("span.schema-link-title", {}, titleOf(table)), el("code", {}, table.name),
  el("span.badge", { title: state.words.length ? t("schema.columns", { n: counts.get(table.name) ?? 0 }) : table.rows === null ? null : t("schema.rows", { n: table.rows }) },
    state.words.length ? number(counts.get(table.name) ?? 0) : table.rows === null ? "—" : number(table.rows)))))));
  const marked = list.querySelector("[aria-current]");
  if (marked && list.scrollWidth > list.clientWidth) marked.scrollIntoView({ block: "nearest", inline: "center" });
}

function tableCard(table, columns, { brief = false } = {}) {
  const id = `table-${table.name}`;
  return el("section.card.schema-table", { "aria-labelledby": id },
    el("header.schema-head", {},
      el("div.schema-name", {}, el("h2", { id }, titleOf(table)), el("code.schema-code", {}, `crm.${table.name}`), !brief && el("span.badge", {}, t("schema.columns", { n: table.columns.length })),
        !brief && table.rows !== null && el("span.badge", {}, t("schema.rows", { n: table.rows }))),
      !brief && tableMeaning(table, (meaning) => (Object.assign(table, meaning), show())),
      !brief && relations(table)),
    el("div.schema-columns", { role: "list" }, el("div.schema-row.schema-heads", { "aria-hidden": "true" }, el("span", {}, t("schema.column")), el("span", {}, t("schema.meaning")), el("span", {}, t("schema.filled"))),
      columns.map((column) => columnEntry(table, column, { words: state.words, onEdit: (meaning) => Object.assign(column, meaning) }))));
}

function relations(table) {
  const incoming = state.tables.flatMap((other) => other.joins.filter((join) => join.table === table.name && other !== table).map((join) => ({ other, join })));
  const link = (name, column, text, hint) => el("a.schema-join", { href: `#${name}${column ? `.${column}` : ""}`, title: hint }, text);
  const rows = [
    table.joins.length && [t("schema.joins"), table.joins.map((join) => link(join.table, join.key, `${join.column} → ${join.table}.${join.key}`, join.many ? t("schema.many") : null))],
    incoming.length && [t("schema.joined"), incoming.map(({ other, join }) => link(other.name, join.column, `${other.name}.${join.column}`, meaningOf(other)))],
  ].filter(Boolean);
  return rows.length ? el("dl.schema-relations", {}, rows.map(([title, links]) => [el("dt", {}, title), el("dd", {}, links)])) : null;
}

function reveal(id) {
  const entry = document.getElementById(id);
  if (!entry) return;
  entry.scrollIntoView({ block: "center" });
  entry.classList.add("target");
}

load();
