// Home: the dashboards, how fresh the data is, what is being synced.
import { api } from "./api.js";
import { button, debounce, el, icon } from "./dom.js";
import { asked, toastError } from "./dialog.js";
import { ago, lang, momentText, number, t } from "./i18n.js";
import { thumbnail } from "./thumbnail.js";

const root = document.querySelector("[data-home]");
const actions = document.querySelector("[data-actions]");
const list = el("div.dash-list");
const data = el("section.freshness-part", { id: "freshness", "aria-labelledby": "freshness-title" });
const near = new IntersectionObserver(
  (entries) =>
    entries
      .filter((entry) => entry.isIntersecting)
      .forEach(({ target }) => {
        near.unobserve(target);
        miniature(target);
      }),
  { rootMargin: "200px" },
);

const search = el("input.input", {
  type: "search",
  placeholder: t("home.find"),
  "aria-label": t("home.find"),
  oninput: debounce(150, () => showDashboards()),
});
actions.append(
  el("label.search", {}, icon("search"), search),
  button(t("home.new"), { icon: "plus", kind: "primary", "data-action": "new", onclick: make }),
);
root.replaceChildren(list, data);

async function make() {
  const title = await asked({ title: t("home.new"), label: t("home.name"), yes: t("home.make") });
  if (!title) return;
  try {
    const made = await api.post(`dashboards?lang=${lang}`, { title });
    location.assign(`/dashboards/${made.id}?edit=1`);
  } catch (error) {
    toastError(error);
  }
}

let asks = 0;
async function showDashboards() {
  const mine = (asks += 1);
  const query = search.value.trim();
  if (!list.children.length)
    list.replaceChildren(
      ...Array.from({ length: 3 }, () =>
        el(
          "div.dash-card",
          { "aria-hidden": "true" },
          el("span.skeleton.thumb"),
          el("div.dash-text", {}, el("span.skeleton.line"), el("span.skeleton.line")),
        ),
      ),
    );
  try {
    const { items } = await api.get(`dashboards?lang=${lang}${query ? `&q=${encodeURIComponent(query)}` : ""}`);
    if (mine !== asks) return;
    list.replaceChildren(...items.map(card));
    if (!items.length)
      list.append(query ? el("p.muted", { role: "status" }, t("home.nothing_found", { query })) : nothing());
  } catch (error) {
    if (mine !== asks) return;
    list.replaceChildren(
      el(
        "div.chart-state.bad",
        { role: "alert" },
        icon("warning"),
        el("p.chart-state-title", {}, t("home.not_loaded")),
        el("p", {}, error.message),
        button(t("shell.retry"), { onclick: showDashboards }),
      ),
    );
  }
}

function card(dashboard) {
  const picture = el("div.dash-thumb", {
    "aria-hidden": "true",
    data: { id: String(dashboard.id), version: `${dashboard.version}` },
  });
  near.observe(picture);
  return el(
    "a.dash-card",
    { href: `/dashboards/${dashboard.slug ?? dashboard.id}` },
    picture,
    el(
      "div.dash-text",
      {},
      el("h2.dash-title", {}, dashboard.title),
      dashboard.description && el("p.dash-description", {}, dashboard.description),
      el(
        "p.small.muted",
        {},
        t("home.charts", { n: dashboard.chart_count }),
        " · ",
        el("span", { title: momentText(dashboard.updated_at) }, t("home.changed", { ago: ago(dashboard.updated_at) })),
      ),
    ),
  );
}

async function miniature(place) {
  try {
    place.replaceChildren(thumbnail(await api.get(`dashboards/${place.dataset.id}?lang=${lang}`)));
  } catch {
    place.replaceChildren(icon("dashboard")); // a picture less: the card says all else
  }
}

/** Where no dashboard is: before the first sync there is no data; after it, somebody removed them all. */
function nothing() {
  const synced = fresh?.entities.length;
  const running = fresh?.running.length;
  const key = synced ? "none" : running ? "first_sync" : "no_data";
  return el(
    "div.blank",
    {},
    icon("blank-small"),
    el("h2", {}, t(`home.${key}`)),
    el("p", {}, t(`home.${key}_hint`)),
    synced || running ? null : el("pre.code", {}, "make sync"),
    synced ? button(t("home.new"), { icon: "plus", kind: "primary", onclick: make }) : null,
  );
}

// -- freshness

let fresh = null;
addEventListener("freshness", ({ detail }) => {
  const grown = fresh !== null && fresh.entities.length !== detail.entities.length;
  fresh = detail;
  showFreshness();
  if (grown || list.querySelector(".blank")) showDashboards(); // dashboards come with the tables that they show
});

function showFreshness() {
  const running = new Map(fresh.running.map((sync) => [sync.entity, sync]));
  const known = new Set(fresh.entities.map(({ entity }) => entity));
  const rows = [
    ...fresh.entities,
    ...fresh.running
      .filter(({ entity }) => !known.has(entity))
      .map((sync) => ({ ...sync, last_sync_at: null, rows: null })),
  ];
  if (!rows.length) return data.replaceChildren();
  data.replaceChildren(
    el(
      "div.freshness-head",
      {},
      el("h2", { id: "freshness-title" }, t("home.freshness")),
      running.size ? el("span.badge.good", {}, t("home.running", { n: running.size })) : null,
    ),
    el(
      "div.card.freshness-card",
      {},
      el(
        "div.table-wrap",
        { tabindex: "0", role: "region", "aria-labelledby": "freshness-title" },
        el(
          "table.table",
          {},
          el(
            "thead",
            {},
            el(
              "tr",
              {},
              el("th", { scope: "col" }, t("home.entity")),
              el("th.num", { scope: "col" }, t("home.rows")),
              el("th", { scope: "col" }, t("home.last_sync")),
            ),
          ),
          el(
            "tbody",
            {},
            rows.map((one) => row(one, running.get(one.entity))),
          ),
        ),
      ),
    ),
  );
}

function row({ entity, title, rows, last_sync_at: last }, sync) {
  const when = last
    ? el("span.state-done", { title: momentText(last) }, el("span.dot"), ago(last))
    : el("span.state-done", {}, el("span.dot.none"), t("home.never"));
  return el(
    "tr",
    {},
    el("td", {}, title ?? entity),
    el("td.num", {}, rows === null || rows === undefined ? "—" : number(rows)),
    el("td", {}, sync ? progress(sync) : when),
  );
}

/** A sync that runs: a bar where it is known how much there is, else a count. */
function progress({ fetched, expected }) {
  const done = expected ? Math.min(1, fetched / expected) : null;
  return el(
    "div.progress",
    {},
    el("progress", { max: "1", ...(done === null ? {} : { value: String(done) }), "aria-label": t("home.progress") }),
    el(
      "span.small.muted.number",
      {},
      expected ? t("home.fetched_of", { fetched, expected }) : t("home.fetched", { fetched }),
    ),
  );
}

showDashboards();
setInterval(() => fresh && showFreshness(), 15_000);
