// Deleting a chart so that it can be undone: it goes when the offer to undo does, or when the page is left.
import { api } from "./api.js";
import { confirmed, toast, toastError } from "./dialog.js";
import { t } from "./i18n.js";

const SECONDS = 8;
const pending = new Set();

addEventListener("pagehide", () => pending.forEach((go) => go({ keepalive: true })));

/**
 * Ask where the chart is on dashboards; then `hide()`, and after a while delete. `undone()` where a person changed their
 * mind or the service refused. Resolves to whether the chart was hidden.
 */
export async function deleteChart(chart, { hide, undone }) {
  if (chart.dashboards > 0) {
    const sure = await confirmed({ title: t("charts.delete_title", { title: chart.title }), text: t("charts.delete_text", { n: chart.dashboards }), yes: t("charts.delete") });
    if (!sure) return false;
  }
  const go = async ({ keepalive = false } = {}) => {
    if (!pending.delete(go)) return;
    clearTimeout(timer);
    try {
      await api.delete(`charts/${chart.id}`, { keepalive });
    } catch (error) {
      if (error.status === 404) return;
      toastError(error);
      undone();
    }
  };
  const timer = setTimeout(go, SECONDS * 1000);
  pending.add(go);
  hide();
  toast(t("charts.deleted", { title: chart.title }), { seconds: SECONDS, action: [t("charts.undo"), () => {
    if (!pending.delete(go)) return;
    clearTimeout(timer);
    undone();
  }] });
  return true;
}
