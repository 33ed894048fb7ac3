// Showing a dashboard on other sites: which may, how, with which links.
import { api } from "./api.js";
import { copy } from "./chart-card.js";
import { button, el, icon, iconButton } from "./dom.js";
import { confirmed, toast, toastError } from "./dialog.js";
import { dateText, lang, momentText, t } from "./i18n.js";
import { input, saveBar, settingsCard } from "./settings-form.js";

const DAYS = 30;
const DAY = 86_400_000;

export async function embeddingSection() {
  const { items } = await api.get(`dashboards?lang=${lang}`);
  if (!items.length) return settingsCard(t("settings.embedding"), t("settings.embedding_lead"), el("p.muted.settings-none", {}, t("settings.no_dashboards")));
  const select = el("select.select", { name: "dashboard", onchange: () => show() }, items.map((item) => el("option", { value: String(item.id) }, item.title)));
  const asked = new URLSearchParams(location.search).get("dashboard");
  if (items.some((item) => String(item.id) === asked)) select.value = asked;
  const place = el("div.settings-stack");
  const show = async () => {
    try {
      place.replaceChildren(...(await cards(items.find((item) => String(item.id) === select.value), show)));
    } catch (error) {
      toastError(error);
    }
  };
  await show();
  return el("div.settings-stack", {}, settingsCard(t("settings.embedding"), t("settings.embedding_lead"), el("label.field.embed-dashboard", {}, el("span", {}, t("settings.dashboard")), select)), place);
}

async function cards(dashboard, again) {
  const [embed, links] = await Promise.all([readEmbed(dashboard.id), api.get(`dashboards/${dashboard.id}/links`)]);
  return [embed ? embedCard(dashboard, embed, again) : offCard(dashboard, again), linksCard(dashboard, links.items, again)];
}

async function readEmbed(id) {
  try {
    return (await api.get(`dashboard/${id}/embedded`)).result;
  } catch (error) {
    if (error.code === "not_embedded") return null;
    throw error;
  }
}

function offCard(dashboard, again) {
  const enable = button(t("settings.enable"), { kind: "primary", data: { action: "enable" }, onclick: () => api.post(`dashboard/${dashboard.id}/embedded`, { allowed_domains: [] }).then(again, toastError) });
  return settingsCard(t("settings.embed_off"), t("settings.embed_off_hint"), el("div", {}, enable));
}

function embedCard(dashboard, embed, again) {
  const domains = el("textarea.area", { name: "allowed_domains", rows: "3", spellcheck: "false", placeholder: "https://portal.example.com" });
  domains.value = embed.allowed_domains.join("\n");
  const check = (name) => {
    const box = el("input", { type: "checkbox", name });
    box.checked = embed[name];
    return el("label.checkbox", {}, box, el("span", {}, t(`settings.${name}`)));
  };
  const origins = el("p.small.muted");
  const tellOrigins = ({ effective_origins: now }) => {
    origins.textContent = now.length ? t("settings.effective", { origins: now.join(", ") }) : t("settings.effective_none");
    origins.classList.toggle("bad-text", !now.length);
  };
  tellOrigins(embed);
  const form = el("form", {}, el("label.field", {}, el("span", {}, t("settings.domains")), domains), el("p.small.muted", {}, t("settings.domains_hint")), origins, check("allow_export"), check("allow_rows"));
  saveBar(form, async () => {
    const body = { allowed_domains: domains.value.split(/\s+/).filter(Boolean), allow_export: form.elements.allow_export.checked, allow_rows: form.elements.allow_rows.checked };
    tellOrigins((await api.put(`dashboard/${dashboard.id}/embedded`, body)).result);
  });
  const revoke = button(t("settings.revoke_tokens"), { onclick: async () => {
    if (!(await confirmed({ title: t("settings.revoke_title"), text: t("settings.revoke_text"), yes: t("settings.revoke_yes") }))) return;
    api.post(`dashboard/${dashboard.id}/embedded/revoke`).then(() => { toast(t("settings.revoked")); again(); }, toastError);
  } });
  const disable = button(t("settings.disable"), { kind: "danger", data: { action: "disable" }, onclick: async () => {
    if (!(await confirmed({ title: t("settings.disable_title"), text: t("settings.disable_text"), yes: t("settings.disable") }))) return;
    api.delete(`dashboard/${dashboard.id}/embedded`).then(again, toastError);
  } });
  return settingsCard(t("settings.embed_on"), null, form, el("hr"), copyField(t("settings.embed_id"), embed.uuid),
    snippet(t("settings.snippet_page"), pageSnippet(embed.uuid)), snippet(t("settings.snippet_server"), serverSnippet(embed.uuid)), el("p.small.muted", {}, t("settings.snippet_account")),
    el("div.settings-actions", {}, revoke, disable, embed.revoked_before && el("span.small.muted", {}, t("settings.revoked_at", { when: momentText(embed.revoked_before) }))));
}

const pageSnippet = (uuid) => `import { embedDashboard } from "@superset-ui/embedded-sdk";

embedDashboard({
  id: "${uuid}",
  supersetDomain: "${location.origin}",
  mountPoint: document.getElementById("dashboard"),
  fetchGuestToken: () => fetch("/guest-token").then((answer) => answer.text()),
  dashboardUiConfig: { hideTitle: false },
});`;

const serverSnippet = (uuid) => `TOKEN=$(curl -s ${location.origin}/api/v1/security/login -H 'Content-Type: application/json' \\
  -d '{"username": "'"$EMBED_USERNAME"'", "password": "'"$EMBED_PASSWORD"'", "provider": "db"}' | jq -r .access_token)

curl -s ${location.origin}/api/v1/security/guest_token/ -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
  -d '{"user": {"username": "visitor"}, "resources": [{"type": "dashboard", "id": "${uuid}"}], "rls": [{"clause": "assigned_by_id = 1"}]}'`;

function snippet(title, code) {
  return el("div.snippet", {}, el("div.snippet-head", {}, el("h3", {}, title), button(t("shell.copy"), { icon: "copy", kind: "quiet", onclick: () => copy(code) })), el("pre.code", { tabindex: "0" }, code));
}

function copyField(label, text) {
  const node = input(text, { readonly: true, onfocus: () => node.select() });
  return el("label.field", {}, el("span", {}, label), el("span.copy-line", {}, node, button(t("shell.copy"), { icon: "copy", onclick: () => copy(text) })));
}

function linksCard(dashboard, links, again) {
  const label = input("", { name: "label", maxlength: "200", placeholder: t("settings.link_label_example") });
  const until = input(new Date(Date.now() + DAYS * DAY).toISOString().slice(0, 10), { name: "until", type: "date", required: true, min: new Date(Date.now() + DAY).toISOString().slice(0, 10) });
  const password = input("", { name: "password", type: "password", autocomplete: "new-password", minlength: "8", maxlength: "200", placeholder: t("settings.link_password_hint") });
  const form = el("form.link-form", { onsubmit: async (event) => {
    event.preventDefault();
    try {
      const link = await api.post(`dashboards/${dashboard.id}/links`, { label: label.value.trim(), expires_at: new Date(`${until.value}T23:59:59`).toISOString(), password: password.value || null });
      await again();
      toast(t("settings.link_made"), { action: [t("settings.link_copy"), () => copy(link.url)] });
    } catch (error) {
      toastError(error);
    }
  } }, el("label.field", {}, el("span", {}, t("settings.link_label")), label), el("label.field", {}, el("span", {}, t("settings.link_until")), until), el("label.field", {}, el("span", {}, t("settings.link_password")), password),
  el("button.button.primary", { type: "submit" }, icon("link"), t("settings.link_make")));
  return settingsCard(t("settings.links"), t("settings.links_lead"), form, links.length ? el("ul.links", {}, links.map((link) => linkRow(dashboard, link, again))) : el("p.muted", {}, t("settings.links_none")));
}

function linkRow(dashboard, link, again) {
  const expired = new Date(link.expires_at) < new Date();
  const filtered = link.filters.period || link.filters.columns?.length;
  const revoke = async () => {
    if (!(await confirmed({ title: t("settings.link_revoke_title"), text: t("settings.link_revoke_text"), yes: t("settings.revoke_yes") }))) return;
    api.delete(`dashboards/${dashboard.id}/links/${encodeURIComponent(link.id)}`).then(again, toastError);
  };
  return el("li.link", {}, el("span.link-name", {}, el("span.ink", {}, link.label || t("settings.link_untitled")), el("span.small.muted", {}, [link.created_by, momentText(link.created_at)].filter(Boolean).join(", "))),
    el(`span.badge${expired ? ".bad" : ""}`, {}, expired ? t("settings.link_expired") : t("settings.link_valid", { date: dateText(link.expires_at) })), link.has_password && el("span.badge", {}, t("settings.link_has_password")), filtered && el("span.badge", {}, t("settings.link_filtered")),
    el("span.link-tools", {}, iconButton("copy", t("settings.link_copy"), { onclick: () => copy(link.url) }), iconButton("code", t("settings.link_frame"), { onclick: () => copy(link.snippet) }), iconButton("trash", t("settings.link_revoke"), { data: { action: "revoke-link" }, onclick: revoke })));
}
