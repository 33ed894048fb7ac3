// Draws a ChartData of the API into an element: numbers and tables as HTML, all else by Plotly; and what stands there
// while there is nothing to draw.
import { button, el, icon, svgEl } from "./dom.js";
import { t } from "./i18n.js";
import { CONFIG, plotly } from "./plotly.js";
import { cellsTable, rowsTable } from "./table.js";
import { mode, onMode } from "./theme.js";

const AXIS_ROOM = 60; // pixels beside the x axis; with the two below, what a tick of it takes
const TICK_CHARACTER = 6.4;
const TICK_GAP = 8;
const SQUEEZE = 0.75; // a figure may be drawn this much lower than it wants before it scrolls instead

/**
 * One chart without its frame. `title` names it to screen readers; `onMark(where, event)` hears of clicks on marks:
 * `where` is a list of {column, value}, what the mark stands for. `scale` enlarges texts for large screens.
 */
export class ChartView {
  constructor({ title = "", onMark = null, scale = 1 } = {}) {
    Object.assign(this, { title, onMark, scale, chosen: null });
    this.chart = null;
    this.asTable = false;
    this.element = el("div.chart-view", { "aria-busy": "true" });
    this.watcher = new ResizeObserver(() => this.resize());
    this.watcher.observe(this.element);
    this.forget = onMode(() => this.plot && this.chart && this.show(this.chart));
    this.skeleton();
  }

  /** Stop listening, let Plotly free what it holds. */
  destroy() {
    this.watcher.disconnect();
    this.forget();
    this.clear();
  }

  clear() {
    if (this.plot) globalThis.Plotly?.purge(this.plot);
    this.plot = null;
    this.element.replaceChildren();
  }

  /** What stands in the place of a chart that is loading: same size, so nothing jumps. */
  skeleton(kind = "chart") {
    this.clear();
    this.element.setAttribute("aria-busy", "true");
    const bars = [46, 70, 58, 84, 64, 92, 76].map((height) => el("span.skeleton", { style: { height: `${height}%` } }));
    this.element.append(
      kind === "number"
        ? el("div.skeleton-number", {}, el("span.skeleton"), el("span.skeleton"))
        : el("div.skeleton-chart", { "aria-hidden": "true" }, bars),
    );
  }

  /** A state without a chart: {icon, title, text, actions: [[label, run]], detail}. */
  state({ icon: name, title, text = null, actions = [], detail = null, bad = false }) {
    this.clear();
    this.chart = null;
    this.element.setAttribute("aria-busy", "false");
    this.element.append(
      el(
        `div.chart-state${bad ? ".bad" : ""}`,
        { role: bad ? "alert" : "status" },
        icon(name),
        el("p.chart-state-title", {}, title),
        text && el("p", {}, text),
        detail && el("p.small.muted", {}, detail),
        actions.length
          ? el(
              "div.chart-state-actions",
              {},
              actions.map(([label, run]) => button(label, { onclick: run })),
            )
          : null,
      ),
    );
  }

  /** Draw. Answers when it is on the screen. A view that shows another chart by then draws that instead. */
  async show(chart) {
    this.chart = chart;
    this.element.setAttribute("aria-busy", "true");
    if (this.asTable && !chart.table) this.replace(rowsTable(chart, this.title));
    else if (chart.indicators?.length) this.replace(numbers(chart.indicators));
    else if (chart.table) this.replace(cellsTable(chart.table, this.title));
    else await this.draw(chart);
    this.element.setAttribute("aria-busy", "false");
  }

  replace(content) {
    this.clear();
    this.element.append(content);
  }

  async draw(chart) {
    // Without a wait where none is needed: what goes to paper must be drawn before the browser lays it out.
    const Plotly = globalThis.Plotly ?? (await plotly());
    if (this.chart !== chart) return;
    const figure = structuredClone(chart.figure[mode()]);
    const fresh = !this.plot;
    if (fresh) {
      this.plot = el("div.plot");
      this.replacePlot(this.plot);
    }
    this.summarize(chart);
    this.fit(chart);
    this.ticks = thinned(figure.layout, this.element.clientWidth / this.scale);
    if (this.scale !== 1) enlarge(figure, this.scale);
    if (this.chosen) figure.data.forEach((trace) => dim(trace, this.chosen));
    await Plotly.react(this.plot, figure.data, figure.layout, CONFIG);
    if (matchMedia("print").matches && this.plot) scaleForPaper(this.plot);
    if (fresh && this.plot) this.listen();
  }

  replacePlot(plot) {
    this.element.replaceChildren(plot);
  }

  /** Plotly's picture is one image to a screen reader, described in words; the table has its numbers. */
  summarize(chart) {
    this.plot.setAttribute("role", "img");
    this.plot.setAttribute("aria-label", [this.title, chart.summary].filter(Boolean).join(". "));
  }

  /** A figure that needs more height than there is scrolls within its card rather than being squeezed. */
  fit(chart) {
    const room = this.element.clientHeight;
    const wanted = chart.height ?? 0;
    this.plot.style.height = room && wanted * SQUEEZE > room ? `${wanted}px` : "100%";
    this.element.classList.toggle("scrolls", this.plot.style.height !== "100%");
  }

  resize() {
    if (!this.plot?.isConnected || !this.chart || !this.element.clientHeight || matchMedia("print").matches) return;
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => {
      if (!this.plot?.data || !this.element.clientHeight) return;
      this.fit(this.chart);
      const ticks = thinned(structuredClone(this.chart.figure[mode()].layout), this.element.clientWidth / this.scale);
      if (ticks === this.ticks) globalThis.Plotly.Plots.resize(this.plot);
      else this.draw(this.chart);
    });
  }

  /** Show one mark strongly and the others weakly; all alike with null. */
  choose(where) {
    this.chosen = where;
    if (this.plot && this.chart) this.draw(this.chart);
  }

  /** Draw texts larger: for a screen that is looked at from far. */
  enlarge(scale) {
    if (scale === this.scale) return;
    this.scale = scale;
    if (this.plot && this.chart) this.draw(this.chart);
  }

  listen() {
    if (!this.onMark) return;
    this.plot.classList.add("marks");
    this.plot.on("plotly_click", (event) => {
      const where = behind(event.points?.[0]);
      if (where.length) this.onMark(where, event.event);
    });
  }

  /** A picture of the chart as a PNG data URL, in the mode on the screen; null for what Plotly does not draw. */
  async picture() {
    if (!this.chart) return null;
    const Plotly = await plotly();
    const figure = structuredClone(this.chart.figure[mode()]);
    const colour =
      getComputedStyle(document.documentElement).getPropertyValue("--card-solid").trim() ||
      (mode() === "dark" ? "#151922" : "#ffffff");
    figure.layout.paper_bgcolor = colour;
    const { width, height } = this.element.getBoundingClientRect();
    const size = {
      width: Math.max(640, Math.round(width)),
      height: Math.max(360, Math.round(this.chart.height ?? height)),
    };
    return Plotly.toImage({ ...figure, config: CONFIG }, { format: "png", scale: 2, ...size });
  }
}

/**
 * Leave out ticks of the x axis that would run into each other in this width. A year, which stands below one of them,
 * moves to the next that stays. Answers how many are kept of how many: what makes two drawings differ.
 */
function thinned(layout, width) {
  const kept = [];
  for (const [name, axis] of Object.entries(layout)) {
    if (!name.startsWith("xaxis") || axis.tickmode !== "array" || !axis.ticktext?.length || axis.tickangle) continue;
    const [low, high] = axis.domain ?? [0, 1];
    const longest = Math.max(
      ...axis.ticktext.map((text) =>
        Math.max(
          ...String(text)
            .split("<br>")
            .map((line) => line.length),
        ),
      ),
    );
    const room = ((width - AXIS_ROOM) * (high - low)) / (longest * TICK_CHARACTER + TICK_GAP);
    const step = Math.max(1, Math.ceil(axis.ticktext.length / Math.max(2, room)));
    kept.push(`${name}/${step}`);
    if (step === 1) continue;
    const texts = [];
    let below = "";
    axis.ticktext.forEach((text, at) => {
      const [line, ...more] = String(text).split("<br>");
      below = more.join("<br>") || below;
      if (at % step) return;
      texts.push(below ? `${line}<br>${below}` : line);
      below = "";
    });
    axis.ticktext = texts;
    axis.tickvals = axis.tickvals.filter((_, at) => at % step === 0);
  }
  return kept.join();
}

/** What a mark stands for: its figure's columns with the values that its row has there. */
export function behind(point) {
  const columns = (point?.fullData ?? point?.data)?.meta?.columns ?? [];
  let values = point?.customdata ?? [];
  if (Array.isArray(values[0])) [values] = values; // a pie gives those of all points of a slice
  return columns.map((column, at) => ({ column, value: values[at] })).filter(({ value }) => value !== undefined);
}

/** On paper a plot takes the width that it gets: its pictures are scaled, for nothing draws them again there. */
function scaleForPaper(plot) {
  const { width, height } = plot._fullLayout ?? {};
  for (const picture of plot.querySelectorAll(".main-svg")) {
    if (width && height) picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
  }
}
addEventListener("beforeprint", () => document.querySelectorAll(".plot").forEach(scaleForPaper));
addEventListener("afterprint", () =>
  document.querySelectorAll(".plot .main-svg").forEach((picture) => picture.removeAttribute("viewBox")),
);

const FADED = 0.28;

/** Weaken all marks of a trace but those that stand for the same values. */
function dim(trace, chosen) {
  const columns = trace.meta?.columns;
  if (!columns || !Array.isArray(trace.customdata)) return;
  const wanted = columns.map((column) => chosen.find((one) => one.column === column)?.value);
  const same = trace.customdata
    .map((values, at) => [values, at])
    .filter(([values]) =>
      wanted.every((value, index) => value === undefined || (Array.isArray(values) ? values[index] : values) === value),
    );
  trace.selectedpoints = same.map(([, at]) => at);
  trace.unselected = { marker: { opacity: FADED } };
}

/** Multiply every size of a font in a figure. */
function enlarge(part, scale) {
  for (const [key, value] of Object.entries(part ?? {})) {
    if (!value || typeof value !== "object") continue;
    if (/font$/i.test(key) && typeof value.size === "number") value.size = Math.round(value.size * scale);
    enlarge(value, scale);
  }
}

function numbers(indicators) {
  return el(
    `div.numbers${indicators.length > 1 ? ".many" : ""}`,
    {},
    indicators.map((one) =>
      el(
        "div.kpi",
        {},
        indicators.length > 1 && el("span.kpi-label", {}, one.label),
        el("span.kpi-value", {}, one.value),
        one.change &&
          el(
            "span.kpi-change",
            {
              data: { direction: String(one.direction) },
              title: one.before ? t("card.before", { value: one.before }) : null,
            },
            arrow(one.direction),
            el("span", {}, one.change),
            el("span.kpi-note", {}, t("card.to_before")),
          ),
      ),
    ),
  );
}

function arrow(direction) {
  if (!direction) return null;
  const points = direction > 0 ? "5,1 9.5,9 .5,9" : "5,9 9.5,1 .5,1";
  return svgEl(
    "svg",
    { class: "kpi-arrow", viewBox: "0 0 10 10", "aria-hidden": "true" },
    svgEl("polygon", { points }),
  );
}
