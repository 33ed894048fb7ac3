// The frame of every page: navigation, language, appearance, how fresh the data is.
import { api } from "./api.js";
import { ago, t } from "./i18n.js";
import { openMenu } from "./menu.js";
import { chosenTheme, setTheme } from "./theme.js";

const root = document.documentElement;
const one = (selector) => document.querySelector(selector);
const YEAR = 31_536_000;
const remember = (name, value) =>
  (document.cookie = `${name}=${value}; path=/; max-age=${YEAR}; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`);

for (const choice of document.querySelectorAll("[data-lang]")) {
  choice.addEventListener("click", () => {
    remember("lang", choice.dataset.lang);
    location.reload();
  });
}

one("[data-theme-menu]")?.addEventListener("click", (event) =>
  openMenu(
    event.currentTarget,
    ["system", "light", "dark"].map((theme) => ({
      label: t(`shell.theme_${theme}`),
      name: theme,
      checked: chosenTheme() === theme,
      run: () => setTheme(theme),
    })),
    { align: "start" },
  ),
);

// A rail of icons: chosen by the reader, and by itself where the page would be narrow.
const narrow = matchMedia("(max-width: 1100px)");
const collapse = one("[data-collapse-nav]");
function labelCollapse() {
  const rail = root.dataset.nav === "rail" || (root.dataset.nav === "auto" && narrow.matches);
  const label = t(rail ? "shell.expand" : "shell.collapse");
  collapse.setAttribute("aria-label", label);
  collapse.setAttribute("title", label);
  return rail;
}
if (collapse) {
  collapse.addEventListener("click", () => {
    root.dataset.nav = labelCollapse() ? "full" : "rail";
    remember("nav", root.dataset.nav);
    labelCollapse();
    dispatchEvent(new Event("resize"));
  });
  narrow.addEventListener("change", labelCollapse);
  labelCollapse();
}

const nav = one(".nav");
const scrim = one("[data-close-nav]");
const opener = one("[data-open-nav]");
function showNav(shown) {
  nav.classList.toggle("open", shown);
  scrim.hidden = !shown;
  opener.setAttribute("aria-expanded", String(shown));
  if (shown) nav.querySelector("a").focus();
  else if (nav.contains(document.activeElement)) opener.focus();
}
opener?.addEventListener("click", () => showNav(true));
scrim?.addEventListener("click", () => showNav(false));
nav?.addEventListener("keydown", (event) => event.key === "Escape" && nav.classList.contains("open") && showNav(false));

// Freshness: the oldest of what people look at most, and whether a sync runs now.
const badge = one("[data-freshness]");
const STALE_MINUTES = 24 * 60;
let fresh = null;

function showFreshness() {
  if (!badge || !fresh) return;
  const last = fresh.entities
    .map((entity) => entity.last_sync_at)
    .filter(Boolean)
    .sort()
    .at(-1);
  const running = fresh.running.length > 0;
  const stale = last && Date.now() - new Date(last) > STALE_MINUTES * 60_000;
  badge.querySelector(".dot").className = `dot ${running ? "running" : !last ? "none" : stale ? "stale" : ""}`.trim();
  const text = running ? t("shell.syncing") : last ? t("shell.fresh", { ago: ago(last) }) : t("shell.fresh_none");
  badge.querySelector("[data-freshness-text]").textContent = text;
  badge.title = text;
  badge.hidden = false;
}

async function readFreshness() {
  if (document.hidden) return;
  try {
    fresh = await api.get("freshness");
    showFreshness();
    dispatchEvent(new CustomEvent("freshness", { detail: fresh }));
  } catch {
    if (badge) badge.hidden = true; // a badge that cannot tell is not shown; pages tell of what they cannot load
  }
}
if (badge) {
  readFreshness();
  setInterval(readFreshness, 30_000);
  setInterval(showFreshness, 15_000);
  document.addEventListener("visibilitychange", readFreshness);
}
