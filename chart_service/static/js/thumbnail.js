// A dashboard in miniature: where its charts stand and of what kind they are. No data is in it.
import { svgEl } from "./dom.js";
import { arranged } from "./layout.js";

const WIDTH = 300;
const HEIGHT = 156;
const MARGIN = 10;
const GAP = 5;
const ROWS = 20; // of the grid that are shown

/** An SVG of a dashboard's document. */
export function thumbnail({ tabs, items, charts }) {
  const tab = tabs[0]?.id ?? null;
  const shown = arranged(items.filter((item) => item.tab === tab)).filter((item) => item.y < ROWS);
  const rows = Math.max(11, Math.min(ROWS, Math.max(0, ...shown.map((item) => item.y + item.h))));
  const column = (WIDTH - 2 * MARGIN + GAP) / 12;
  const row = (HEIGHT - 2 * MARGIN + GAP) / rows;
  const svg = svgEl("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    class: "thumb",
    "aria-hidden": "true",
    preserveAspectRatio: "xMidYMin slice",
  });
  for (const item of shown) {
    const box = {
      x: MARGIN + item.x * column,
      y: MARGIN + item.y * row,
      w: item.w * column - GAP,
      h: item.h * row - GAP,
    };
    if (item.kind !== "chart")
      svg.append(
        svgEl("rect", {
          class: "thumb-text",
          x: box.x,
          y: box.y + box.h / 2 - 2,
          width: Math.min(box.w, 70),
          height: 4,
          rx: 2,
        }),
      );
    else
      svg.append(
        svgEl("rect", { class: "thumb-card", x: box.x, y: box.y, width: box.w, height: box.h, rx: 3.5 }),
        ...glyph(charts[item.chart_id], inside(box), item.chart_id),
      );
  }
  return svg;
}

const inside = ({ x, y, w, h }) => ({ x: x + 5, y: y + 5, w: Math.max(4, w - 10), h: Math.max(4, h - 10) });

/** Numbers from 0 to 1 that are the same for a chart each time. */
function chance(seed) {
  let state = (seed * 2654435761) % 4294967296;
  return () => {
    state = (state * 1664525 + 1013904223) % 4294967296;
    return state / 4294967296;
  };
}

const GLYPHS = {
  number: (box) => [
    rect(box.x, box.y + box.h * 0.1, box.w * 0.4, 2.5, "thumb-text"),
    rect(box.x, box.y + box.h * 0.45, box.w * 0.6, Math.min(7, box.h * 0.4), "thumb-ink"),
  ],
  bars: (box, next) =>
    Array.from({ length: 7 }, (_, at) => {
      const height = box.h * (0.3 + 0.7 * next());
      const width = box.w / 7;
      return rect(box.x + at * width + width * 0.15, box.y + box.h - height, width * 0.7, height, "thumb-mark");
    }),
  lying: (box, next) =>
    Array.from({ length: 5 }, (_, at) =>
      rect(
        box.x + box.w * 0.22,
        box.y + (at * box.h) / 5 + 1,
        box.w * 0.78 * (1 - at * 0.16 - 0.08 * next()),
        box.h / 5 - 2.5,
        "thumb-mark",
      ),
    ),
  funnel: (box) =>
    Array.from({ length: 5 }, (_, at) =>
      rect(
        box.x + box.w * (at * 0.09),
        box.y + (at * box.h) / 5 + 0.8,
        box.w * (1 - at * 0.18),
        box.h / 5 - 1.6,
        "thumb-mark",
      ),
    ),
  line: (box, next) => {
    const points = Array.from({ length: 8 }, (_, at) => [
      box.x + (at * box.w) / 7,
      box.y + box.h * (0.65 - 0.06 * at + 0.3 * (next() - 0.5)),
    ]);
    const path = points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L");
    return [
      svgEl("path", {
        class: "thumb-area",
        d: `M${path}L${box.x + box.w} ${box.y + box.h}L${box.x} ${box.y + box.h}Z`,
      }),
      svgEl("path", { class: "thumb-line", d: `M${path}` }),
    ];
  },
  pie: (box) => {
    const radius = Math.min(box.w, box.h) / 2.4;
    const round = 2 * Math.PI * radius;
    const centre = { cx: box.x + box.w / 2, cy: box.y + box.h / 2, r: radius, "stroke-width": radius * 0.5 };
    const from = `rotate(-90 ${centre.cx} ${centre.cy})`;
    return [
      [1, "thumb-ring r4"],
      [0.82, "thumb-ring r3"],
      [0.66, "thumb-ring r2"],
      [0.42, "thumb-ring"],
    ].map(([share, name]) =>
      svgEl("circle", { ...centre, class: name, "stroke-dasharray": `${round * share} ${round}`, transform: from }),
    );
  },
  grid: (box, next) =>
    Array.from({ length: 32 }, (_, at) => {
      const cell = { w: box.w / 8, h: box.h / 4 };
      const node = rect(
        box.x + (at % 8) * cell.w,
        box.y + Math.floor(at / 8) * cell.h,
        cell.w - 1,
        cell.h - 1,
        "thumb-mark",
      );
      node.setAttribute("fill-opacity", (0.2 + 0.8 * next()).toFixed(2));
      return node;
    }),
  table: (box) =>
    Array.from({ length: Math.max(2, Math.min(6, Math.floor(box.h / 7))) }, (_, at) =>
      rect(box.x, box.y + at * 7, box.w, 3, at ? "thumb-text" : "thumb-ink"),
    ),
  points: (box, next) =>
    Array.from({ length: 16 }, () =>
      svgEl("circle", { class: "thumb-mark", cx: box.x + box.w * next(), cy: box.y + box.h * next(), r: 1.8 }),
    ),
};

const OF_FORMAT = {
  indicator: "number",
  gauge: "number",
  bullet: "number",
  line: "line",
  multi_line: "line",
  area: "line",
  stacked_area: "line",
  pie: "pie",
  donut: "pie",
  sunburst: "pie",
  horizontal_bar: "lying",
  funnel: "funnel",
  sankey: "lying",
  heatmap: "grid",
  calendar: "grid",
  cohort: "grid",
  treemap: "grid",
  table: "table",
  pivot: "table",
  scatter: "points",
  bubble: "points",
};

const glyph = (chart, box, seed) => GLYPHS[OF_FORMAT[chart?.template?.format] ?? "bars"](box, chance(seed));
const rect = (x, y, width, height, name) =>
  svgEl("rect", {
    class: name,
    x: x.toFixed(1),
    y: y.toFixed(1),
    width: Math.max(1, width).toFixed(1),
    height: Math.max(1, height).toFixed(1),
    rx: 1.2,
  });
