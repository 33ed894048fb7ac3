// plotly.js, loaded once when the first figure needs it.
import { plotlyUrl } from "./page.js";

let loading = null;

/** Resolves to Plotly. Rejects where the file cannot be had; the next call tries again. */
export function plotly() {
  loading ??= load().catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}

const PAINT_MILLISECONDS = 150;

/** After the next painting of the page, or soon where it is not painted at all. */
const painted = () =>
  new Promise((resolve) => {
    setTimeout(resolve, PAINT_MILLISECONDS);
    requestAnimationFrame(() => setTimeout(resolve));
  });

async function load() {
  await painted(); // running it holds up the page for a third of a second: what is there to be read comes first
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = plotlyUrl;
    script.async = true;
    const restore = allowStyles();
    script.addEventListener("load", () => {
      restore();
      resolve(globalThis.Plotly);
    });
    script.addEventListener("error", () => {
      restore();
      script.remove();
      reject(new Error("plotly.js cannot be loaded"));
    });
    document.head.append(script);
  });
}

/**
 * Let Plotly's own styles in under a policy that allows none but ours. It makes two style elements as it starts, and none
 * later (those of its button bar, which no figure of ours shows): they get the page's nonce. Of bold texts, colour bars and heatmaps it
 * sets the attribute `style`, which the policy forbids, where the same by a property is allowed.
 */
function allowStyles() {
  const nonce = document.querySelector("script[nonce]")?.nonce;
  const create = document.createElement;
  document.createElement = function createElement(name, ...rest) {
    const element = create.call(document, name, ...rest);
    if (nonce && String(name).toLowerCase() === "style") element.nonce = nonce;
    return element;
  };
  SVGElement.prototype.setAttribute = function setAttribute(name, value) {
    if (name === "style") this.style.cssText = value;
    else Element.prototype.setAttribute.call(this, name, value);
  };
  return () => delete document.createElement;
}

export const CONFIG = {
  displayModeBar: false,
  responsive: false,
  showTips: false,
  doubleClick: false,
  scrollZoom: false,
  displaylogo: false,
};
