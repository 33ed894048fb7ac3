// A chart as a small picture: its figure without words, its number, or the first lines of its table. One at a time, and
// only those that come near the screen, so that a library of hundreds costs what is looked at.
import { api } from "./api.js";
import { el } from "./dom.js";
import { formatIcon } from "./format-picker.js";
import { lang, t } from "./i18n.js";
import { plotly } from "./plotly.js";
import { mode, onMode } from "./theme.js";

const LINES = 4;
const COLUMNS = 3;
const AT_ONCE = 3;
const known = new Map(); // by id and version: what the API answered, for the other mode and for filtered lists
const waiting = [];
let running = 0;

const near = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    near.unobserve(target);
    waiting.push(target);
    next();
  }
}, { rootMargin: "240px" });

/** The place of a picture, which is drawn when it comes near the screen. */
export function chartThumb(chart) {
  const place = el("div.thumb", { "aria-hidden": "true" }, el("span.skeleton"));
  place.chart = chart;
  near.observe(place);
  return place;
}

async function next() {
  if (running >= AT_ONCE || !waiting.length) return;
  const place = waiting.shift();
  running += 1;
  try {
    if (place.isConnected) await fill(place);
  } finally {
    running -= 1;
    next();
  }
}

async function fill(place) {
  const { id, version, format } = place.chart;
  const key = `${id}.${version}`;
  try {
    if (!known.has(key)) known.set(key, await api.get(`charts/${id}/data?lang=${lang}`));
    await draw(place, known.get(key));
  } catch {
    place.replaceChildren(el("span.thumb-none", {}, formatIcon(format), t("charts.thumb_failed")));
  }
}

async function draw(place, chart) {
  if (chart.empty || !chart.row_count) return place.replaceChildren(el("span.thumb-none", {}, formatIcon(chart.format), t("charts.thumb_empty")));
  if (chart.indicators?.length) return place.replaceChildren(number(chart.indicators));
  if (chart.table) return place.replaceChildren(table(chart.table));
  const Plotly = await plotly();
  const plot = el("div.thumb-plot");
  place.replaceChildren(plot);
  const { data, layout } = bare(structuredClone(chart.figure[mode()]));
  await Plotly.newPlot(plot, data, { ...layout, width: place.clientWidth, height: place.clientHeight }, { staticPlot: true, displayModeBar: false, responsive: false });
}

/** The figure without what cannot be read at this size. */
function bare({ data, layout }) {
  for (const key of Object.keys(layout)) if (/^[xy]axis\d*$/.test(key)) Object.assign(layout[key], { visible: false, automargin: false, title: undefined });
  Object.assign(layout, { margin: { l: 6, r: 6, t: 6, b: 6, pad: 0 }, showlegend: false, annotations: [], title: undefined, hovermode: false, autosize: false });
  for (const trace of data) {
    Object.assign(trace, { hoverinfo: "skip", showlegend: false });
    delete trace.texttemplate;
    if ("showscale" in trace || trace.type === "heatmap") trace.showscale = false;
    if (trace.type === "bar" || trace.type === "funnel" || trace.type === "waterfall" || trace.type === "pie") trace.textinfo = trace.textposition = "none";
    if (trace.type === "bar" || trace.type === "funnel" || trace.type === "waterfall") delete trace.textinfo;
    if (trace.type === "scatter" && trace.mode?.includes("text")) trace.mode = trace.mode.replace(/\+?text\+?/, "") || "markers";
    if (trace.marker?.colorbar) delete trace.marker.colorbar;
    if (trace.type === "sankey" && trace.node) trace.node.label = [];
  }
  return { data, layout };
}

const number = (indicators) => el("div.thumb-number", {}, indicators.slice(0, 2).map(({ value, change, direction }) => el("span", {}, el("b", {}, value), change && el("i", { data: { direction: String(direction) } }, change))));

const table = ({ columns, rows, right }) => el("table.thumb-table", {}, el("thead", {}, el("tr", {}, columns.slice(0, COLUMNS).map((name) => el("th", {}, name)))),
  el("tbody", {}, rows.slice(0, LINES).map((row) => el("tr", {}, row.slice(0, COLUMNS).map((text, at) => el(`td${right[at] ? ".num" : ""}`, {}, text))))));

onMode(() => {
  for (const place of document.querySelectorAll(".thumb:has(.thumb-plot)")) fill(place);
});
