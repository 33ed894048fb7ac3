// Sharing: a link for colleagues, a link for people outside, a frame for another site.
import { api } from "./api.js";
import { copy } from "./chart-card.js";
import { openDialog, toastError } from "./dialog.js";
import { button, el, iconButton } from "./dom.js";
import { forApi, isEmpty } from "./filter-state.js";
import { dateText, momentText, t } from "./i18n.js";

const DAYS = [1, 7, 30, 90, 365];

/** Open the dialog for a dashboard as it is looked at now. */
export function openShare(dashboard, { filters }) {
  const outside = el("div.share-part", {});
  openDialog({
    title: t("dashboard.share_title"),
    kind: "wide",
    content: [
      el(
        "div.share-part",
        {},
        el("h3", {}, t("dashboard.share_inside")),
        el("p.muted", {}, t("dashboard.share_inside_hint")),
        field(location.href),
      ),
      outside,
    ],
  });
  drawOutside(outside, dashboard, filters);
}

function drawOutside(place, dashboard, filters) {
  const days = el(
    "select.select",
    {},
    DAYS.map((count) =>
      el(
        "option",
        { value: String(count), ...(count === 30 ? { selected: true } : {}) },
        t("dashboard.share_days", { n: count }),
      ),
    ),
  );
  const password = el("input.input", {
    type: "password",
    autocomplete: "new-password",
    minlength: "8",
    maxlength: "200",
    placeholder: t("dashboard.share_password_hint"),
  });
  const locked = el("input", { type: "checkbox", ...(isEmpty(filters) ? { disabled: true } : { checked: true }) });
  const made = el("div.share-made");
  const list = el("div.share-list");
  const make = button(t("dashboard.share_make"), {
    kind: "primary",
    icon: "link",
    onclick: async () => {
      if (!password.reportValidity()) return;
      try {
        const expires = new Date(Date.now() + Number(days.value) * 86_400_000).toISOString();
        const link = await api.post(`dashboards/${dashboard.id}/links`, {
          expires_at: expires,
          filters: locked.checked ? forApi(filters) : forApi({ period: null, columns: [] }),
          password: password.value || null,
        });
        made.replaceChildren(
          field(absolute(link.url)),
          el("p.small.muted", {}, t("dashboard.share_frame")),
          field(link.snippet),
        );
        password.value = "";
        load();
      } catch (error) {
        toastError(error);
      }
    },
  });
  place.replaceChildren(
    el("h3", {}, t("dashboard.share_outside")),
    el("p.muted", {}, t("dashboard.share_outside_hint")),
    el(
      "div.share-fields",
      {},
      el("label.field", {}, el("span", {}, t("dashboard.share_until")), days),
      el("label.field", {}, el("span", {}, t("dashboard.share_password")), password),
    ),
    el("label.checkbox", {}, locked, el("span", {}, t("dashboard.share_locked"))),
    el("div", {}, make),
    made,
    list,
  );

  async function load() {
    try {
      const { items } = await api.get(`dashboards/${dashboard.id}/links`);
      list.replaceChildren(
        ...items.map((link) =>
          el(
            "div.share-row",
            {},
            el("span", {}, t("dashboard.share_valid", { date: dateText(link.expires_at) })),
            link.has_password && el("span.badge", {}, t("dashboard.share_has_password")),
            el("span.muted.small", {}, momentText(link.created_at)),
            iconButton("copy", t("shell.copy"), { small: true, onclick: () => copy(absolute(link.url)) }),
            iconButton("trash", t("dashboard.share_revoke"), {
              small: true,
              onclick: () =>
                api.delete(`dashboards/${dashboard.id}/links/${encodeURIComponent(link.id)}`).then(load, toastError),
            }),
          ),
        ),
      );
    } catch (error) {
      list.replaceChildren(el("p.small.muted", {}, error.message));
    }
  }
  load();
}

const absolute = (url) => new URL(url, location.href).href;

function field(text) {
  const input = el("input.input", {
    readonly: true,
    "aria-label": t("dashboard.share_text"),
    onfocus: () => input.select(),
  });
  input.value = text;
  return el("div.copy-field", {}, input, button(t("shell.copy"), { icon: "copy", onclick: () => copy(text) }));
}
