// Choosing a chart of the library.
import { api } from "./api.js";
import { openDialog } from "./dialog.js";
import { debounce, el, icon } from "./dom.js";
import { t } from "./i18n.js";

const ICONS = { table: "table", pivot: "table" };

/** Resolves to the chart a person picks, or null. `here` are the ids of those that are on the dashboard already. */
export function pickChart(here) {
  return new Promise((resolve) => {
    let chosen = null;
    const list = el("div.pick-list", { "aria-live": "polite" });
    const search = el("input.input", {
      type: "search",
      placeholder: t("dashboard.find_chart"),
      "aria-label": t("dashboard.find_chart"),
      oninput: debounce(200, () => load()),
    });
    const dialog = openDialog({
      title: t("dashboard.add_chart"),
      kind: "wide",
      onClose: () => resolve(chosen),
      content: [
        el("label.search", {}, icon("search"), search),
        list,
        el("a.menu-item", { href: "/ask" }, icon("ask"), t("dashboard.ask_new")),
      ],
    });
    const pick = (chart) => {
      chosen = chart;
      dialog.close();
    };

    async function load() {
      try {
        const query = search.value.trim();
        const { items } = await api.get(`charts${query ? `?q=${encodeURIComponent(query)}` : ""}`);
        list.replaceChildren(
          ...items.map((chart) =>
            el(
              "button.menu-item",
              { type: "button", data: { chart: String(chart.id) }, onclick: () => pick(chart) },
              icon(ICONS[chart.template?.format] ?? "chart"),
              el(
                "span.pick-text",
                {},
                el("span.ink", {}, chart.title),
                chart.description && el("span.muted.small", {}, chart.description),
              ),
              here.has(chart.id) && el("span.badge", {}, t("dashboard.already_here")),
            ),
          ),
        );
        if (!items.length) list.append(el("p.values-none", {}, t("filters.nothing_found")));
      } catch (error) {
        list.replaceChildren(el("p.notice.bad", { role: "alert" }, error.message));
      }
    }
    load();
    search.focus();
  });
}
