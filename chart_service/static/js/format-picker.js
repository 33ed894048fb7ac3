// Choosing a chart type: those that the rows fit as tiles, the others below with the reason.
import { el, icon } from "./dom.js";
import { t } from "./i18n.js";
import { closePopover, openPopover } from "./menu.js";

export const formatIcon = (format, size = "") => icon(document.getElementById(`i-format-${format}`) ? `format-${format}` : "chart", size);

/** A button that shows the present type and opens the choice. `onPick(format)`. */
export class FormatPicker {
  constructor({ onPick }) {
    this.onPick = onPick;
    this.label = el("span.format-name");
    this.mark = el("span.format-mark");
    this.button = el("button.button.format-button", { type: "button", "aria-haspopup": "dialog", "aria-expanded": "false", hidden: true, onclick: () => this.open() }, this.mark, this.label, icon("down"));
  }

  /** `formats`: [{format, title, fits, reason}] of a ChartData, `format` the one that is drawn. */
  set(formats, format) {
    this.formats = formats;
    this.format = format;
    const title = formats.find((one) => one.format === format)?.title ?? format;
    this.mark.replaceChildren(formatIcon(format));
    this.label.textContent = title;
    this.button.setAttribute("aria-label", t("editor.format", { title }));
    this.button.disabled = this.button.hidden = formats.length === 0;
  }

  open() {
    const fitting = this.formats.filter(({ fits }) => fits);
    const others = this.formats.filter(({ fits }) => !fits);
    const pick = (format) => {
      closePopover();
      if (format !== this.format) this.onPick(format);
    };
    const tile = ({ format, title }) => el("button.format-tile", { type: "button", "aria-pressed": String(format === this.format), data: { format }, onclick: () => pick(format) }, formatIcon(format), el("span", {}, title));
    const refused = ({ format, title, reason }) => el("li.format-refused", { data: { format } }, formatIcon(format), el("span", {}, el("span.format-title", {}, title), el("span.small.muted", {}, reason)));
    const content = el("div.format-choice", {},
      el("p.menu-heading", {}, t("editor.formats_fit")), el("div.format-tiles", {}, fitting.map(tile)),
      others.length ? [el("p.menu-heading", {}, t("editor.formats_unfit")), el("ul", { tabindex: "0", "aria-label": t("editor.formats_unfit") }, others.map(refused))] : null);
    openPopover(this.button, content, { role: "dialog", label: t("editor.choose_format"), align: "start", wide: true });
    content.addEventListener("keydown", walk);
    (content.querySelector("[aria-pressed=true]") ?? content.querySelector("button"))?.focus({ preventScroll: true });
  }
}

function walk(event) {
  const tiles = [...event.currentTarget.querySelectorAll("button")];
  const at = tiles.indexOf(document.activeElement);
  const width = Math.max(1, tiles.filter((tile) => tile.offsetTop === tiles[0].offsetTop).length);
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: width, ArrowUp: -width }[event.key];
  if (step === undefined || at < 0) return;
  event.preventDefault();
  tiles[Math.max(0, Math.min(tiles.length - 1, at + step))].focus();
}
