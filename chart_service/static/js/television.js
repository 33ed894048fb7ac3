// Television: the dashboard alone, fitted to the screen or shown one screen after the other, tab after tab, kept fresh.
import { el, iconButton } from "./dom.js";
import { t } from "./i18n.js";

const SCREEN_SECONDS = 30;
const QUIET_SECONDS = 3;
const SCALE = 1.2; // of texts, where rows are higher than on the page
const ROW = { least: 40, most: 84 };

export class Television {
  constructor(view, { name, onStart = () => {}, onEnd = () => {} }) {
    Object.assign(this, { view, name, onStart, onEnd, on: false });
    this.clock = el("time.tv-clock");
    this.bar = el(
      "div.tv-bar",
      {},
      el("span.tv-name"),
      this.clock,
      iconButton("close", t("dashboard.tv_end"), { "data-action": "tv-end", onclick: () => this.end() }),
    );
  }

  start({ full = true } = {}) {
    if (this.on) return;
    this.on = true;
    this.stop = new AbortController();
    const { signal } = this.stop;
    document.documentElement.dataset.tv = "";
    this.bar.querySelector(".tv-name").textContent = this.name();
    this.view.element.before(this.bar);
    if (full) document.documentElement.requestFullscreen?.().catch(() => {}); // a browser may refuse: the page is fitted to its window then
    document.addEventListener("fullscreenchange", () => !document.fullscreenElement && this.end(), { signal });
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.end(), { signal });
    addEventListener("resize", () => this.fit(), { signal });
    addEventListener("pointermove", () => this.wake(), { signal });
    this.timers = [setInterval(() => this.next(), SCREEN_SECONDS * 1000), setInterval(() => this.tell(), 1000)];
    this.awake();
    this.tell();
    this.fit();
    this.wake();
    this.onStart();
  }

  end() {
    if (!this.on) return;
    this.on = false;
    this.stop.abort();
    this.timers.forEach(clearInterval);
    clearTimeout(this.quiet);
    this.lock?.release();
    this.bar.remove();
    delete document.documentElement.dataset.tv;
    document.documentElement.classList.remove("tv-quiet");
    this.view.grid.element.style.removeProperty("--row");
    for (const card of this.view.cards.values()) card.view.enlarge(1);
    if (document.fullscreenElement) document.exitFullscreen();
    dispatchEvent(new Event("resize"));
    this.onEnd();
  }

  /** Rows as high as makes the open tab fill the screen, but never lower than on the page: then it is shown in parts. */
  fit() {
    const { grid } = this.view;
    const rows = Math.max(
      1,
      ...[...grid.elements.values()].map(
        ({ element }) => parseInt(element.style.gridRow, 10) - 1 + Number(element.style.gridRow.split("span ")[1]),
      ),
    );
    const room = innerHeight - grid.element.getBoundingClientRect().top - scrollY - 12;
    const row = Math.max(ROW.least, Math.min(ROW.most, Math.floor(room / rows)));
    grid.element.style.setProperty("--row", `${row}px`);
    for (const card of this.view.cards.values()) card.view.enlarge(row > ROW.least ? SCALE : 1);
  }

  /** The next part of the tab, from the first thing that was not seen whole; after the last one, the next tab. */
  next() {
    const tops = [...this.view.grid.elements.values()]
      .map(({ element }) => element.getBoundingClientRect())
      .filter(({ bottom }) => bottom > innerHeight)
      .map(({ top }) => top);
    if (tops.length && Math.min(...tops) > 1) {
      scrollBy({ top: Math.min(...tops) - 12, behavior: "smooth" });
      return;
    }
    scrollTo({ top: 0 });
    const { tabs } = this.view.document;
    if (tabs.length < 2) return;
    const at = tabs.findIndex(({ id }) => id === this.view.tab);
    this.view.open(tabs[(at + 1) % tabs.length].id);
    this.fit();
  }

  tell() {
    this.clock.textContent = new Date().toLocaleTimeString(document.documentElement.lang, {
      hour: "2-digit",
      minute: "2-digit",
    });
  }

  wake() {
    document.documentElement.classList.remove("tv-quiet");
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => document.documentElement.classList.add("tv-quiet"), QUIET_SECONDS * 1000);
  }

  async awake() {
    try {
      this.lock = await navigator.wakeLock?.request("screen");
    } catch {
      this.lock = null; // the screen may go dark: the browser does not allow to keep it on here
    }
  }
}
