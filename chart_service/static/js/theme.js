// Light or dark: the reader's choice in a cookie, so that the server paints the first picture right; else the system's.
const dark = matchMedia("(prefers-color-scheme: dark)");
const paper = matchMedia("print");
const listeners = new Set();
let told = mode();

export const chosenTheme = () => document.documentElement.dataset.theme || "system";

/** The mode on the screen now: "light" or "dark". Paper is always light. */
export function mode() {
  if (paper.matches) return "light";
  const theme = document.documentElement.dataset.theme || "system";
  return theme === "system" ? (dark.matches ? "dark" : "light") : theme;
}

export function setTheme(theme, { remember = true } = {}) {
  document.documentElement.dataset.theme = theme;
  if (remember)
    document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`;
  tell();
}

/** Call `run(mode)` whenever the mode on the screen changes; answers a function that ends it. */
export function onMode(run) {
  listeners.add(run);
  return () => listeners.delete(run);
}

function tell() {
  if (mode() === told) return;
  told = mode();
  for (const run of listeners) run(told);
}
dark.addEventListener("change", tell);
paper.addEventListener("change", tell);
