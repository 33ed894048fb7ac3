// Menus and other things that open beside a button: placed on the screen, closed by Escape, a click elsewhere, or choice.
import { el, icon } from "./dom.js";

let open = null;

/**
 * Open `content` beside `anchor`. Answers a function that closes it. One popover is open at a time.
 * `onClose` runs when it closes; focus goes back to the anchor unless something else has it.
 */
export function openPopover(
  anchor,
  content,
  { role = null, label = null, onClose = null, align = "end", wide = false } = {},
) {
  closePopover();
  const box = el(
    "div.popover",
    { role, "aria-label": label, tabindex: "-1", style: wide ? { "max-width": "min(440px, calc(100vw - 16px))" } : {} },
    content,
  );
  // A modal dialog makes everything outside it inert, so what opens from within it is put there.
  (anchor.closest("dialog") ?? document.fullscreenElement ?? document.body).append(box);
  anchor.setAttribute("aria-expanded", "true");
  place(box, anchor, align);
  const state = { box, anchor, onClose, again: () => place(box, anchor, align) };
  open = state;
  addEventListener("scroll", follow, { capture: true, passive: true });
  addEventListener("resize", follow);
  document.addEventListener("pointerdown", outside, true);
  document.addEventListener("keydown", escape, true);
  return () => open === state && closePopover();
}

export function closePopover({ refocus = true } = {}) {
  if (!open) return;
  const { box, anchor, onClose } = open;
  const had = box.contains(document.activeElement);
  open = null;
  removeEventListener("scroll", follow, { capture: true });
  removeEventListener("resize", follow);
  document.removeEventListener("pointerdown", outside, true);
  document.removeEventListener("keydown", escape, true);
  anchor.setAttribute("aria-expanded", "false");
  box.remove();
  if (had && refocus && anchor.isConnected) anchor.focus();
  onClose?.();
}

const follow = (event) => open && !open.box.contains(event.target) && open.again();
const outside = (event) => {
  if (open && !open.box.contains(event.target) && !open.anchor.contains(event.target)) closePopover({ refocus: false });
};
function escape(event) {
  if (event.key !== "Escape" || !open) return;
  event.preventDefault();
  event.stopPropagation();
  closePopover();
}

function place(box, anchor, align) {
  const at = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = box;
  const below = at.bottom + 6;
  const top =
    below + height <= innerHeight - 8 || at.top - 6 - height < 8
      ? Math.min(below, Math.max(8, innerHeight - height - 8))
      : at.top - 6 - height;
  const left = align === "end" ? at.right - width : at.left;
  box.style.top = `${top}px`;
  box.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
}

/**
 * Open a menu. Items: {label, icon, run, href, disabled, hint, danger, checked, heading} or null for a line.
 * Arrows, Home, End and letters move; Enter and Space choose; Tab closes.
 */
export function openMenu(anchor, items, { label = null, align = "end" } = {}) {
  const nodes = items.map((item) =>
    item === null
      ? el("hr", { role: "separator" })
      : item.heading
        ? el("div.menu-heading", { role: "presentation" }, item.heading)
        : entry(item),
  );
  openPopover(anchor, nodes, { role: "menu", label: label ?? anchor.getAttribute("aria-label"), align });
  const box = open.box;
  box.addEventListener("keydown", (event) => walk(event, box));
  box.querySelector("[role^=menuitem]")?.focus({ preventScroll: true });
}

function entry(item) {
  const role = item.checked === undefined ? "menuitem" : "menuitemradio";
  const attributes = {
    role,
    tabindex: "-1",
    title: item.hint ?? null,
    "aria-disabled": item.disabled ? "true" : null,
    "aria-checked": item.checked === undefined ? null : String(item.checked),
    "data-item": item.name ?? null,
    onclick: (event) => {
      if (item.disabled) return event.preventDefault();
      closePopover();
      return item.run?.(event);
    },
  };
  const content = [
    item.icon && icon(item.icon),
    el("span", {}, item.label),
    item.checked && el("span.tick", {}, icon("check")),
  ];
  const what = item.danger ? ".menu-item.danger" : ".menu-item";
  return item.href
    ? el(
        `a${what}`,
        { ...attributes, href: item.href, target: item.target ?? null, rel: item.target ? "noopener" : null },
        content,
      )
    : el(`button${what}`, { ...attributes, type: "button" }, content);
}

function walk(event, box) {
  const items = [...box.querySelectorAll("[role^=menuitem]")];
  const at = items.indexOf(document.activeElement);
  const moves = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 };
  if (event.key in moves) {
    event.preventDefault();
    items.at(moves[event.key] % items.length)?.focus();
  } else if (event.key === "Tab") closePopover();
  else if (event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey) {
    const key = event.key.toLocaleLowerCase();
    [...items.slice(at + 1), ...items.slice(0, at + 1)]
      .find((item) => item.textContent.trim().toLocaleLowerCase().startsWith(key))
      ?.focus();
  }
}
