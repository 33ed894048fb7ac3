// Tabs while a dashboard is edited: added, renamed, moved, deleted. Each is one step of the editor's history.
import { asked, confirmed } from "./dialog.js";
import { iconButton } from "./dom.js";
import { t } from "./i18n.js";
import { newId } from "./ids.js";
import { openMenu } from "./menu.js";

/** Put the buttons that change tabs behind the tabs themselves. */
export function drawTabTools(editor) {
  const { tabs } = editor.page.view;
  tabs.querySelectorAll("[data-tab-menu]").forEach((node) => node.remove());
  if (!editor.history.state.tabs.length) return;
  tabs.append(
    iconButton("edit", t("dashboard.tab_menu"), {
      small: true,
      "data-tab-menu": "",
      "aria-haspopup": "menu",
      "aria-expanded": "false",
      onclick: (event) => openTabMenu(editor, event.currentTarget),
    }),
    iconButton("plus", t("dashboard.add_tab"), { small: true, "data-tab-menu": "", onclick: () => addTab(editor) }),
  );
}

function openTabMenu(editor, anchor) {
  const { tabs } = editor.history.state;
  const at = tabs.findIndex(({ id }) => id === editor.page.view.tab);
  const swap = (by) => {
    const order = [...tabs];
    [order[at], order[at + by]] = [order[at + by], order[at]];
    editor.change({ tabs: order });
  };
  openMenu(
    anchor,
    [
      { icon: "edit", label: t("dashboard.tab_rename"), run: () => rename(editor, tabs[at]) },
      { icon: "left", label: t("dashboard.tab_left"), disabled: at === 0, run: () => swap(-1) },
      { icon: "right", label: t("dashboard.tab_right"), disabled: at === tabs.length - 1, run: () => swap(1) },
      null,
      { icon: "trash", danger: true, label: t("dashboard.tab_delete"), run: () => remove(editor, tabs[at]) },
    ],
    { align: "start" },
  );
}

/**
 * Ask for a name and add the tab. The first tab of a dashboard that had none would take in what is there, so two are
 * made then: one for that, and the one that was asked for.
 */
export async function addTab(editor) {
  const title = await asked({ title: t("dashboard.add_tab"), label: t("dashboard.tab_name"), yes: t("dashboard.add") });
  if (!title) return;
  const { tabs, items } = editor.history.state;
  const added = { id: newId(), title };
  editor.page.openTab(added.id);
  if (tabs.length || !items.length) {
    editor.change({ tabs: [...tabs, added] });
    return;
  }
  const first = { id: newId(), title: t("dashboard.tab_first") };
  editor.change({ tabs: [first, added], items: items.map((item) => ({ ...item, tab: first.id })) });
}

async function rename(editor, { id, title: before }) {
  const title = await asked({ title: t("dashboard.tab_rename"), label: t("dashboard.tab_name"), value: before });
  if (!title) return;
  editor.change({ tabs: editor.history.state.tabs.map((tab) => (tab.id === id ? { ...tab, title } : tab)) });
}

/** Delete a tab and what is on it; from the last tab everything goes back to the dashboard itself. */
async function remove(editor, { id, title }) {
  const { tabs, items } = editor.history.state;
  const left = tabs.filter((tab) => tab.id !== id);
  if (!left.length) {
    editor.change({ tabs: [], items: items.map((item) => ({ ...item, tab: null })) });
    return;
  }
  const lost = items.filter((item) => item.tab === id).length;
  const sure = await confirmedLoss(title, lost);
  if (sure) editor.change({ tabs: left, items: items.filter((item) => item.tab !== id) });
}

const confirmedLoss = async (title, lost) =>
  !lost ||
  confirmed({
    title: t("dashboard.tab_delete_title", { title }),
    text: t("dashboard.tab_delete_text", { n: lost }),
    yes: t("shell.delete"),
  });
