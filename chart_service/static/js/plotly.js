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

function load() {
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
 * Give style elements that are made while Plotly starts the page's nonce, so that the page's policy lets their rules in.
 * Plotly makes two then, and none later: those of its button bar, which no figure of ours shows.
 */
function allowStyles() {
  const nonce = document.querySelector("script[nonce]")?.nonce;
  const create = document.createElement;
  document.createElement = function createElement(name, ...rest) {
    const element = create.call(document, name, ...rest);
    if (nonce && String(name).toLowerCase() === "style") element.nonce = nonce;
    return element;
  };
  return () => delete document.createElement;
}

export const CONFIG = { displayModeBar: false, responsive: false, showTips: false, doubleClick: false, scrollZoom: false, displaylogo: false };
