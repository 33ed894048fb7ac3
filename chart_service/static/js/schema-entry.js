// One column, and one meaning that a person may put into other words.
import { api } from "./api.js";
import { button, el, iconButton } from "./dom.js";
import { toast, toastError } from "./dialog.js";
import { lang, locale, number, t } from "./i18n.js";
import { forget, marked } from "./schema-search.js";

const CODES = 6;
const share = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 });

export const titleOf = (table) => table[`title_${lang}`];
export const meaningOf = (thing) => thing[lang];

/** A column: name and type, title and meaning, its codes, how many rows have a value. */
export function columnEntry(table, column, { words, onEdit }) {
  const { name, type, title, kind } = column;
  const meaning = el("div.schema-meaning");
  const edited = (changed) => {
    onEdit(changed);
    forget(column);
    showMeaning();
  };
  const showMeaning = () => meaning.replaceChildren(
    title && title !== meaningOf(column) ? el("p.schema-title", {}, marked(title, words)) : "",
    editable({ path: `schema/descriptions/${encodeURIComponent(table.name)}/${encodeURIComponent(name)}`, name, thing: column, words, onEdit: edited }),
    ...codesOf(column, words));
  showMeaning();
  return el("div.schema-row", { role: "listitem", id: `${table.name}.${name}` },
    el("div.schema-column", {}, el("code", {}, marked(name, words)), el("span.schema-type", {}, typeText(type), name === table.key ? el("span.badge", {}, t("schema.key")) : null,
      kind !== "field" && el("span.badge", {}, t(`schema.kind_${kind}`)))),
    meaning, filled(column));
}

/** The meaning of a table. */
export const tableMeaning = (table, onEdit) => editable({ path: `schema/descriptions/${encodeURIComponent(table.name)}`, name: table.name, thing: table, words: [], onEdit });

function typeText(type) {
  if (type.endsWith("[]")) return t("schema.type_list", { type: typeText(type.slice(0, -2)) });
  const names = { text: "text", bigint: "integer", integer: "integer", numeric: "number", boolean: "boolean", date: "date", "timestamp with time zone": "moment", jsonb: "json" };
  return names[type] ? t(`schema.type_${names[type]}`) : type;
}

function filled({ filled: part, distinct, distinct_estimated: about, low, high }) {
  if (part === null) return el("div.schema-filled");
  return el("div.schema-filled", { title: t("schema.filled_hint") },
    el("span.schema-bar", { "aria-hidden": "true" }, el("span", { style: { width: `${Math.round(part * 100)}%` } })),
    el("span.number", {}, part > 0 && part < 0.005 ? "< 1 %" : share.format(part)),
    distinct !== null && part > 0 && el("span.small.muted.schema-distinct", {}, t(about ? "schema.distinct_about" : "schema.distinct", { n: distinct })),
    low !== null && el("span.small.muted.schema-distinct", {}, low === high ? end(low) : t("schema.range", { low: end(low), high: end(high) })));
}

/** An end of a range: a number as people write it; months and days as they are. */
const end = (text) => (/^-?\d+(\.\d+)?$/.test(text) ? number(Number(text)) : text);

function codesOf({ codes }, words) {
  if (!codes.length) return [];
  const groups = Map.groupBy ? Map.groupBy(codes, ({ group }) => group) : new Map([["", codes]]);
  const box = el("div.schema-codes");
  const chip = ({ code, label }) => el("span.schema-chip", { title: label }, el("code", {}, marked(code, words)), el("span", {}, marked(label, words)));
  const fill = (all) => {
    let left = all ? Infinity : CODES;
    const lines = [];
    for (const [group, entries] of groups) {
      if (left <= 0) break;
      lines.push(el("div.schema-group", {}, group && groups.size > 1 ? el("span.small.muted", {}, group) : null, entries.slice(0, left).map(chip)));
      left -= entries.length;
    }
    if (codes.length > CODES) lines.at(-1).append(el("button.schema-more", { type: "button", "aria-expanded": String(all), onclick: () => { fill(!all); box.querySelector(".schema-more").focus(); } }, all ? t("schema.codes_less") : t("schema.codes_more", { n: codes.length - CODES })));
    box.replaceChildren(...lines);
  };
  fill(words.length > 0 && codes.some(({ code, label }) => words.some((word) => `${code} ${label}`.toLocaleLowerCase().includes(word))));
  return [box];
}

/** A meaning with a button that turns it into fields for both languages. */
function editable({ path, name, thing, words, onEdit }) {
  const box = el("div.schema-words");
  const read = () => {
    const by = { person: "by_person", model: "by_model" }[thing.origin];
    const edit = iconButton("edit", t("schema.edit", { name }), { small: true, class: "icon-button small schema-edit", onclick: write });
    box.replaceChildren(el("p", {}, marked(meaningOf(thing), words), by ? el("span.badge.schema-by", {}, t(`schema.${by}`)) : ""), edit);
    return edit;
  };
  const write = () => {
    const fields = { ru: field("ru"), en: field("en") };
    const close = () => read().focus();
    const send = async (body, message) => {
      form.inert = true;
      try {
        const { ru, en, origin } = await api.patch(path, body);
        toast(message);
        onEdit({ ru, en, origin });
      } catch (error) {
        toastError(error);
        form.inert = false;
      }
    };
    const save = () => {
      const body = Object.fromEntries(Object.entries(fields).map(([key, input]) => [key, input.value.trim()]).filter(([key, value]) => value && value !== thing[key]));
      return Object.keys(body).length ? send(body, t("schema.saved")) : close();
    };
    const form = el("form.schema-form", { onsubmit: (event) => { event.preventDefault(); save(); }, onkeydown: (event) => {
      if (event.key === "Escape") close();
      else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save();
    } },
    (lang === "ru" ? ["ru", "en"] : ["en", "ru"]).map((key) => el("label.field", {}, el("span", {}, t(`schema.in_${key}`)), fields[key])),
    el("div.schema-form-foot", {}, el("button.button.primary", { type: "submit" }, t("shell.save")), button(t("shell.cancel"), { onclick: close }),
      thing.origin === "person" && button(t("schema.restore"), { kind: "quiet", icon: "undo", onclick: () => send({ ru: null, en: null }, t("schema.restored")) })));
    box.replaceChildren(form);
    fields[lang].focus();
  };
  const field = (key) => {
    const input = el("textarea.area", { maxlength: "1000", rows: "2", lang: key });
    input.value = thing[key];
    return input;
  };
  read();
  return box;
}
