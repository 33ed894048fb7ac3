// Putting a chart on a dashboard that is not open.
import { api } from "./api.js";
import { lang } from "./i18n.js";
import { placeFor } from "./layout.js";

const SIZES = { indicator: [3, 4], gauge: [3, 6], bullet: [4, 4], table: [12, 9], pivot: [12, 9], calendar: [12, 7], sankey: [6, 9], pie: [4, 8], donut: [4, 8] };

/** Put a chart at the end of a dashboard's first tab. Who else changes it at the same moment does not lose anything. */
export async function addToDashboard(dashboardId, chartId, format) {
  for (let tries = 0; ; tries += 1) {
    const dashboard = await api.get(`dashboards/${dashboardId}?lang=${lang}`);
    try {
      return await api.put(`dashboards/${dashboard.id}?lang=${lang}`, withChart(dashboard, chartId, format));
    } catch (error) {
      if (error.code !== "changed_meanwhile" || tries >= 3) throw error;
    }
  }
}

/** A new dashboard with this chart alone. */
export async function newDashboard(title, chartId, format) {
  const [w, h] = SIZES[format] ?? [6, 8];
  return api.post(`dashboards?lang=${lang}`, { title, items: [{ id: newId(), tab: null, kind: "chart", chart_id: chartId, text: null, x: 0, y: 0, w, h }] });
}

function withChart({ title, description, slug, tabs, items, filters, version }, chartId, format) {
  const tab = tabs[0]?.id ?? null;
  const [w, h] = SIZES[format] ?? [6, 8];
  const place = placeFor(items.filter((item) => item.tab === tab), { w, h });
  return { title, description, slug, tabs, filters, version, items: [...items, { id: newId(), tab, kind: "chart", chart_id: chartId, text: null, ...place, w, h }] };
}

const newId = () => `c${crypto.getRandomValues(new Uint32Array(2)).join("").slice(0, 16)}`;
