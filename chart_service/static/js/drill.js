// The rows behind a mark, in a panel at the side.
import { openDialog } from "./dialog.js";
import { button, el, icon } from "./dom.js";
import { t } from "./i18n.js";
import { rowsTable, valueText } from "./table.js";

const NONE = new Set(["no_rows_behind", "no_such_mark"]); // not a failure: the statement combines its rows

/** Open the panel. `load({signal})` answers {columns: [{name, kind, title?}], rows, truncated}; `where` is what the mark stands for. */
export async function openDrill({ title, where, load }) {
  const abort = new AbortController();
  const conditions = where.map(({ column, value }) =>
    el("span.badge", {}, `${column}: ${valueText(value, typeof value === "number" ? "number" : "text")}`),
  );
  const panel = openDialog({
    title,
    kind: "panel",
    content: [conditions.length ? el("div.drill-where", {}, conditions) : "", loading()],
    onClose: () => abort.abort(),
  });
  const put = (content) => panel.body.lastElementChild.replaceWith(content);

  async function run() {
    put(loading());
    try {
      const result = await load({ signal: abort.signal });
      const note = result.truncated
        ? el("p.notice.warn", {}, icon("info"), t("dashboard.drill_truncated", { n: result.rows.length }))
        : "";
      put(
        el(
          "div.drill-rows",
          {},
          el("p.muted.small", {}, t("card.rows", { n: result.rows.length })),
          note,
          result.rows.length ? rowsTable(result, title) : el("p.muted", {}, t("card.empty")),
        ),
      );
    } catch (error) {
      if (NONE.has(error.code))
        put(
          el(
            "div.chart-state",
            { role: "status" },
            icon("rows"),
            el("p.chart-state-title", {}, t("dashboard.drill_none")),
            el("p", {}, t("dashboard.drill_none_hint")),
          ),
        );
      else if (error.name !== "AbortError")
        put(
          el(
            "div.chart-state.bad",
            { role: "alert" },
            icon("warning"),
            el("p.chart-state-title", {}, t("dashboard.drill_failed")),
            el("p", {}, error.message),
            button(t("shell.retry"), { onclick: run }),
          ),
        );
    }
  }
  await run();
}

const loading = () =>
  el(
    "div.drill-loading",
    { "aria-busy": "true" },
    Array.from({ length: 8 }, () => el("span.skeleton")),
  );
