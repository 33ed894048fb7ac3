// One movement of the pointer that carries an item of the grid, or pulls at its corner.
import { el } from "./dom.js";
import { moved, sameLayout } from "./layout.js";

const EDGE = 60;
const NUDGE = 12; // pixels of scrolling for each movement of the pointer at the window's edge

export class Drag {
  constructor(grid, event, id, kind) {
    Object.assign(this, { grid, id, kind, handle: event.currentTarget, element: grid.elements.get(id).element });
    this.item = grid.items.find((one) => one.id === id);
    this.items = grid.items;
    const rect = this.element.getBoundingClientRect();
    this.origin = {
      x: event.clientX + scrollX,
      y: event.clientY + scrollY,
      left: rect.left + scrollX,
      top: rect.top + scrollY,
    };
    this.ghost = el("div.grid-ghost");
    grid.element.append(this.ghost);
    this.element.classList.add("dragging");
    if (kind === "move") Object.assign(this.element.style, { width: `${rect.width}px`, height: `${rect.height}px` });
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    this.handle.setPointerCapture(event.pointerId);
    this.handle.addEventListener("pointermove", (at) => this.follow(at), { signal });
    this.handle.addEventListener("pointerup", () => this.end(true), { signal });
    this.handle.addEventListener("pointercancel", () => this.end(false), { signal });
    document.addEventListener("keydown", (key) => this.escape(key), { signal, capture: true });
    this.follow(event);
  }

  follow(at) {
    const step = this.grid.step();
    const [dx, dy] = [at.clientX + scrollX - this.origin.x, at.clientY + scrollY - this.origin.y];
    const [columns, rows] = [Math.round(dx / step.column), Math.round(dy / step.row)];
    const { x, y, w, h } = this.item;
    const change = this.kind === "move" ? { x: x + columns, y: y + rows } : { w: w + columns, h: h + rows };
    const next = moved(this.grid.items, this.id, change);
    const { id, ghost } = this;
    const target = next.find((one) => one.id === id);
    ghost.style.gridColumn = `${target.x + 1} / span ${target.w}`;
    ghost.style.gridRow = `${target.y + 1} / span ${target.h}`;
    if (!sameLayout(next, this.items)) {
      this.items = next;
      this.grid.place(next, { except: id });
    }
    if (this.kind === "move") this.carry(dx, dy);
    if (at.clientY < EDGE) scrollBy(0, -NUDGE);
    else if (at.clientY > innerHeight - EDGE) scrollBy(0, NUDGE);
  }

  /** Keep the carried element under the pointer while its place in the grid changes below it. */
  carry(dx, dy) {
    const base = this.ghost.getBoundingClientRect();
    const left = this.origin.left + dx - base.left - scrollX;
    const top = this.origin.top + dy - base.top - scrollY;
    this.element.style.transform = `translate(${left}px, ${top}px)`;
  }

  escape(key) {
    if (key.key !== "Escape") return;
    key.preventDefault();
    key.stopPropagation();
    this.end(false);
  }

  end(kept) {
    this.listeners.abort();
    this.ghost.remove();
    this.element.classList.remove("dragging");
    Object.assign(this.element.style, { width: "", height: "", transform: "" });
    this.grid.dragging = null;
    this.grid.finish(kept ? this.items : this.grid.items);
  }
}
