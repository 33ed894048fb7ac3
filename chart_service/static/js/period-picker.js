// The popover that chooses a period: named spans at the left, days of one's own at the right.
import { button, el, icon } from "./dom.js";
import { t } from "./i18n.js";
import { PRESETS, periodOf, preset, shifted } from "./periods.js";

/**
 * The content of the popover. `chosen` is the present period or null; `columns` the dates that it may be about. Calls
 * `choose(period or null)` for a choice of days, `about(column or null)` for one of a date.
 */
export function periodPicker({ chosen, columns, choose, about }) {
  return el(
    "div.period-popover",
    {},
    el(
      "div.period-presets",
      {},
      span(t("filters.all_time"), !chosen, () => choose(null)),
      PRESETS.map((name) => span(t(`filters.preset_${name}`), chosen?.preset === name, () => choose(preset(name)))),
    ),
    days(chosen, choose, columns.length ? dateOf(chosen, columns, about) : null),
  );
}

const span = (label, on, run) =>
  el(
    "button.menu-item",
    { type: "button", "aria-pressed": String(on), onclick: run },
    el("span", {}, label),
    on && el("span.tick", {}, icon("check")),
  );

/** Two days, both included; a second one before the first is refused. */
function days(chosen, choose, more) {
  const from = el("input.input", { type: "date", "aria-label": t("filters.from") });
  const to = el("input.input", { type: "date", "aria-label": t("filters.to") });
  if (chosen) [from.value, to.value] = [chosen.from, shifted(chosen.to, -1)];
  const apply = (event) => {
    event.preventDefault();
    const period = from.value && to.value ? periodOf({ from: from.value, to: shifted(to.value, 1) }) : null;
    to.setAttribute("aria-invalid", String(!period));
    if (period) choose(period);
  };
  return el(
    "form.period-dates",
    { onsubmit: apply },
    el("label.field", {}, el("span", {}, t("filters.from")), from),
    el("label.field", {}, el("span", {}, t("filters.to")), to),
    button(t("filters.apply"), { kind: "primary", type: "submit" }),
    more,
  );
}

/** Which date the period is about. */
function dateOf(chosen, columns, about) {
  const select = el(
    "select.select",
    { onchange: () => about(select.value || null) },
    el("option", { value: "" }, t("filters.by_usual_date")),
    columns.map(({ column, title }) => el("option", { value: column }, title)),
  );
  select.value = chosen?.column ?? "";
  return el("label.field", {}, el("span", {}, t("filters.by_date")), select);
}
