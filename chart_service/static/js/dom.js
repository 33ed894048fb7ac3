// Elements made from data. Text is only ever text: nothing here or elsewhere parses HTML.
const SVG = "http://www.w3.org/2000/svg";

/**
 * An element: el("button.button.primary", {type: "button", onclick: f, "aria-label": "…"}, "text", child, null).
 * Functions are listeners; true is an attribute without a value; false, null and undefined leave it out;
 * `style` is an object of properties; `data` an object of data attributes.
 */
export function el(what, attributes = {}, ...children) {
  const [tag, ...classes] = what.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes ?? {})) setAttribute(element, name, value);
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

function setAttribute(element, name, value) {
  if (value === false || value === null || value === undefined) return;
  if (typeof value === "function") element.addEventListener(name.replace(/^on/, ""), value);
  else if (name === "style") for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
  else if (name === "data") Object.assign(element.dataset, value);
  else if (name === "href" || name === "src" || name === "action") element.setAttribute(name, safeUrl(value));
  else element.setAttribute(name, value === true ? "" : String(value));
}

/** The address if it is one of this site or plain http(s), blob; otherwise "#". */
export function safeUrl(value) {
  const text = String(value);
  if (text.startsWith("#")) return text;
  try {
    return ["http:", "https:", "blob:"].includes(new URL(text, location.href).protocol) ? text : "#";
  } catch {
    return "#";
  }
}

/** An icon of the page's sprite. */
export function icon(name, size = "") {
  const svg = svgEl("svg", { class: `icon ${size}`.trim(), "aria-hidden": "true" });
  svg.append(svgEl("use", { href: `#i-${name}` }));
  return svg;
}

export function svgEl(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== null && value !== undefined) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

export const button = (label, { icon: name, kind = "", ...rest } = {}) =>
  el(`button.button${kind ? `.${kind}` : ""}`, { type: "button", ...rest }, name && icon(name), label);

export const iconButton = (name, label, attributes = {}) =>
  el(
    `button.icon-button${attributes.small ? ".small" : ""}`,
    { type: "button", "aria-label": label, title: label, ...attributes, small: false },
    icon(name),
  );

export function debounce(wait, run) {
  let timer;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => run(...args), wait);
  };
}
