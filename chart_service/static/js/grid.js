// The grid on the page: 12 columns, 6 or 2 where it is narrow; moved and sized by pointer and keyboard while editing.
import { el, icon } from "./dom.js";
import { Drag } from "./drag.js";
import { t } from "./i18n.js";
import { COLUMNS, moved, reflowed, sameLayout } from "./layout.js";

const PITCH = 40; // a row with the gap below it, in CSS pixels
const STILL = matchMedia("(prefers-reduced-motion: reduce)");
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * `items` are {id, kind, x, y, w, h}. `onChange(items)` hears of each finished change by a person. Elements are given
 * with `put(id, element, label)`; `say(text)` speaks to screen readers.
 */
export class Grid {
  constructor({ onChange, say = () => {} }) {
    this.items = [];
    this.elements = new Map();
    this.editing = false;
    this.onChange = onChange;
    this.say = say;
    this.columns = COLUMNS;
    this.element = el("div.grid");
    new ResizeObserver(() => this.measure()).observe(this.element);
  }

  measure() {
    const width = this.element.clientWidth;
    const columns = width && width < 600 ? 2 : width && width < 900 ? 6 : COLUMNS;
    if (columns === this.columns) return;
    this.columns = columns;
    this.place();
  }

  set(items) {
    this.items = items;
    for (const id of this.elements.keys()) if (!items.some((item) => item.id === id)) this.take(id);
    this.place();
  }

  put(id, element, label) {
    element.dataset.item = id;
    element.classList.add("grid-item");
    this.elements.set(id, { element, label });
    this.element.append(element);
  }

  take(id) {
    this.elements.get(id)?.element.remove();
    this.elements.delete(id);
  }

  edit(editing) {
    this.editing = editing;
    this.element.classList.toggle("editing", editing);
    for (const [id, { element, label }] of this.elements) {
      element.querySelectorAll(":scope > .grid-handle, :scope > .grid-size").forEach((node) => node.remove());
      if (editing) this.handles(id, element, label);
    }
  }

  handles(id, element, label) {
    const drag = el(
      "button.grid-handle",
      { type: "button", "aria-label": t("dashboard.move", { title: label }), title: t("dashboard.move_hint") },
      icon("drag"),
    );
    const size = el("div.grid-size", { "aria-hidden": "true", title: t("dashboard.size") });
    drag.addEventListener("keydown", (event) => this.key(event, id));
    drag.addEventListener("pointerdown", (event) => this.start(event, id, "move"));
    size.addEventListener("pointerdown", (event) => this.start(event, id, "size"));
    element.append(drag, size);
  }

  /** Put every element where its item stands, smoothly where it stood elsewhere. Their order in the page is the order of reading. */
  place(items = this.items, { except = null } = {}) {
    const shown = reflowed(items, this.columns);
    this.element.style.setProperty("--columns", this.columns);
    const before =
      STILL.matches || !this.editing
        ? null
        : new Map([...this.elements].map(([id, { element }]) => [id, element.getBoundingClientRect()]));
    for (const item of shown) {
      const found = this.elements.get(item.id)?.element;
      if (!found) continue;
      found.style.gridColumn = `${item.x + 1} / span ${item.w}`;
      found.style.gridRow = `${item.y + 1} / span ${item.h}`;
    }
    if (before) this.slide(before, except);
    if (!this.dragging) this.reorder(shown);
  }

  slide(before, except) {
    for (const [id, { element }] of this.elements) {
      if (id === except) continue;
      const was = before.get(id);
      const now = element.getBoundingClientRect();
      const [dx, dy] = [was.left - now.left, was.top - now.top];
      if (dx || dy)
        element.animate([{ transform: `translate(${dx}px, ${dy}px)` }, { transform: "none" }], {
          duration: 140,
          easing: "ease-out",
        });
    }
  }

  reorder(shown) {
    const order = [...shown]
      .sort((one, two) => one.y - two.y || one.x - two.x)
      .map(({ id }) => this.elements.get(id)?.element)
      .filter(Boolean);
    const now = [...this.element.children].filter((node) => node.dataset.item);
    if (order.every((node, at) => node === now[at])) return;
    const focused = document.activeElement;
    for (const node of order) this.element.append(node);
    if (focused !== document.activeElement && this.element.contains(focused)) focused.focus({ preventScroll: true });
  }

  step() {
    const gap = parseFloat(getComputedStyle(this.element).columnGap) || 0;
    return { column: (this.element.clientWidth + gap) / COLUMNS, row: PITCH };
  }

  key(event, id) {
    const by = KEYS[event.key];
    if (!by || this.columns !== COLUMNS) return;
    event.preventDefault();
    const item = this.items.find((one) => one.id === id);
    const change = event.shiftKey
      ? { w: item.w + by[0], h: item.h + by[1] }
      : { x: item.x + by[0], y: Math.max(0, item.y + this.stride(item, by[1])) };
    this.finish(moved(this.items, id, change));
    const now = this.items.find((one) => one.id === id);
    this.say(t("dashboard.moved_to", { x: now.x + 1, y: now.y + 1, w: now.w, h: now.h }));
  }

  /** How far one press moves an item down or up: past the neighbour that it would otherwise fall back behind. */
  stride(item, direction) {
    if (!direction) return 0;
    const beside = this.items.filter((one) => one.id !== item.id && one.x < item.x + item.w && item.x < one.x + one.w);
    if (direction > 0) {
      const below = beside.filter((one) => one.y >= item.y + item.h).sort((one, two) => one.y - two.y)[0];
      return below ? below.y + below.h - item.h - item.y + 1 : 0;
    }
    const above = beside.filter((one) => one.y < item.y).sort((one, two) => two.y - one.y)[0];
    return above ? above.y - item.y : -1;
  }

  start(event, id, kind) {
    if (event.button !== 0 || this.columns !== COLUMNS) return;
    event.preventDefault();
    this.dragging = new Drag(this, event, id, kind);
  }

  finish(items) {
    if (sameLayout(items, this.items)) return this.place();
    this.items = items;
    this.place();
    this.onChange(items);
  }
}
