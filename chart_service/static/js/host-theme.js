// What a host says of looks: the mode, and those of its theme's tokens that we have a place for.
import { setTheme } from "./theme.js";

const MODES = { default: "light", dark: "dark", system: "system" };
const COLOURS = {
  colorPrimary: ["--accent", "--accent-fill"], colorPrimaryHover: ["--accent-fill-hover"], colorBgLayout: ["--page"], colorBgContainer: ["--card"],
  colorBorderSecondary: ["--border"], colorText: ["--body"], colorTextHeading: ["--ink"], colorTextSecondary: ["--muted"],
};

export function setMode(mode) {
  if (mode in MODES) setTheme(MODES[mode], { remember: false });
}

/** Take what is understood of a theme (Superset's are Ant Design's tokens); what is not a colour or a font is left. */
export function setThemeConfig(config) {
  const { token = {}, algorithm } = config?.theme ?? config ?? {};
  const style = document.documentElement.style;
  for (const [name, properties] of Object.entries(COLOURS)) {
    const colour = token[name];
    if (typeof colour === "string" && CSS.supports("color", colour)) for (const property of properties) style.setProperty(property, colour);
  }
  const { fontFamily } = token;
  if (typeof fontFamily === "string" && fontFamily.length < 300 && CSS.supports("font-family", fontFamily)) style.setProperty("--font", fontFamily);
  const wanted = [algorithm].flat().filter((one) => typeof one === "string");
  if (wanted.includes("dark")) setMode("dark");
  else if (wanted.includes("default")) setMode("default");
}
