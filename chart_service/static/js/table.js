// Tables in HTML: of a figure's texts, or of a result's values as they are.
import { el, icon } from "./dom.js";
import { dateText, locale, number, t } from "./i18n.js";

const moment = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
const PAGE = 200;

/** A value of a result as a person reads it. */
export function valueText(value, kind) {
  if (value === null || value === undefined) return "—";
  if (kind === "number" && typeof value === "number") return number(value);
  if (kind === "boolean" && typeof value === "boolean") return t(value ? "card.yes" : "card.no");
  if (kind === "date" && typeof value === "string") return dateText(value);
  if (kind === "datetime" && typeof value === "string") return moment.format(new Date(value));
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** The table of a figure that is one: {columns, rows, right, totals}, all texts. */
export function cellsTable({ columns, rows, right, totals }, caption) {
  const pivot = totals === true;
  const body = pivot ? rows.slice(0, -1) : rows;
  const line = (cells, last) =>
    el(
      "tr",
      {},
      cells.map((text, at) =>
        cell(text, { number: right[at], head: pivot && at === 0, total: pivot && (last || at === cells.length - 1) }),
      ),
    );
  return wrap(
    el(
      "table.table",
      {},
      el("caption.visually-hidden", {}, caption),
      head(columns, right),
      el(
        "tbody",
        {},
        body.map((cells) => line(cells, false)),
      ),
      pivot && rows.length ? el("tfoot", {}, line(rows.at(-1), true)) : null,
    ),
    caption,
  );
}

/** The table of a result: {columns: [{name, kind, title?}], rows}. Sorts by a click on a heading; grows as it is read. */
export function rowsTable({ columns, rows }, caption) {
  const right = columns.map((column) => column.kind === "number" && !/(^|_)id$/.test(column.name));
  let shown = PAGE;
  let sorted = rows;
  let by = null;
  const body = el("tbody");
  const more = el(
    "button.button.quiet",
    {
      type: "button",
      onclick: () => {
        shown += PAGE;
        fill();
      },
    },
    t("card.more_rows"),
  );
  const headings = columns.map((column, at) => heading(column, right[at], () => sort(at)));
  const table = el(
    "table.table",
    {},
    el("caption.visually-hidden", {}, caption),
    el("thead", {}, el("tr", {}, headings)),
    body,
  );

  function fill() {
    body.replaceChildren(
      ...sorted.slice(0, shown).map((row) =>
        el(
          "tr",
          {},
          row.map((value, at) => {
            const exact =
              columns[at].kind === "number" && !right[at] ? String(value ?? "—") : valueText(value, columns[at].kind);
            return cell(exact, { number: right[at], empty: value === null });
          }),
        ),
      ),
    );
    more.hidden = shown >= sorted.length;
  }

  function sort(at) {
    by = { at, down: by?.at === at ? !by.down : columns[at].kind === "number" };
    sorted = [...rows].sort((one, two) => compare(one[at], two[at]) * (by.down ? -1 : 1));
    headings.forEach((node, index) =>
      node.setAttribute("aria-sort", index !== at ? "none" : by.down ? "descending" : "ascending"),
    );
    for (const node of headings)
      node
        .querySelector(".icon use")
        .setAttribute("href", node.getAttribute("aria-sort") === "ascending" ? "#i-up" : "#i-down");
    for (const node of headings)
      node.querySelector(".icon").style.visibility = node.getAttribute("aria-sort") === "none" ? "hidden" : "visible";
    fill();
  }

  fill();
  return wrap([table, more], caption);
}

function compare(one, two) {
  if (one === null || two === null) return one === two ? 0 : one === null ? -1 : 1;
  if (typeof one === "number" && typeof two === "number") return one - two;
  return String(one).localeCompare(String(two), locale, { numeric: true });
}

function heading(column, right, sort) {
  const mark = icon("down");
  mark.style.visibility = "hidden";
  return el(
    `th${right ? ".num" : ""}`,
    { scope: "col", "aria-sort": "none" },
    el(
      "button.sort",
      { type: "button", title: column.name, onclick: sort },
      el("span", {}, column.title ?? column.name),
      mark,
    ),
  );
}

const head = (columns, right) =>
  el(
    "thead",
    {},
    el(
      "tr",
      {},
      columns.map((name, at) => el(`th${right[at] ? ".num" : ""}`, { scope: "col" }, name)),
    ),
  );

function cell(text, { number: right, head: first, total, empty }) {
  const classes = [right && "num", total && "total", (empty || text === "—") && "null"]
    .filter(Boolean)
    .map((name) => `.${name}`)
    .join("");
  return first
    ? el(`th${classes}`, { scope: "row" }, text)
    : el(`td${classes}`, { title: text.length > 40 ? text : null }, text);
}

/** A box that scrolls; in the order of the Tab key, so that the keyboard scrolls it, too. */
const wrap = (content, label) => el("div.table-wrap", { tabindex: "0", role: "region", "aria-label": label }, content);
