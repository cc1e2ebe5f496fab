/** The frame of the page: name, views, language, colours, keys. */

import { iconButton, popover } from "./dialogs.js";
import { el, put } from "./dom.js";
import { currentLanguage, remember, t } from "./i18n.js";
import { icon } from "./icons.js";
import { showKeys } from "./keys.js";
import { VIEWS, placed } from "./routing.js";
import { newsRegion } from "./toasts.js";

const THEME = "picturedesk.theme";
const THEMES = ["auto", "light", "dark"];

/**
 * Builds the frame.
 * @param {Object} desk of /v1/desk
 * @param {Object} languages code → name
 * @param {(code: string) => void} speak changes the language
 * @returns {HTMLElement} where views go
 */
export function frame(desk, languages, speak) {
  const main = el("main", { id: "main", tabindex: "-1" });
  const skip = { class: "skip", href: "#main", on: { click: (event) => skipTo(event, main) } };
  put(
    document.body,
    el("a", skip, t("skip")),
    el("header", { class: "top" }, mark(), views(), about(desk), tools(languages, speak)),
    main,
    newsRegion(),
  );
  return main;
}

/** Marks the view that is shown, and names it in the window's title. */
export function showPlace(view, desk) {
  for (const link of document.querySelectorAll(".views a")) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${t(`view.${view}`)} · ${desk.name}`;
}

function skipTo(event, main) {
  event.preventDefault();
  main.focus();
}

function mark() {
  const logo = el("span", { class: "logo", "aria-hidden": "true" }, el("i"), el("i"), el("i"));
  return el("a", { class: "mark", href: placed("write") }, logo, el("span", {}, "Picturedesk"));
}

function views() {
  const link = (view) =>
    el(
      "li",
      {},
      el("a", { href: placed(view), data: { view } }, icon(view), el("span", {}, t(`view.${view}`))),
    );
  return el("nav", { class: "views", "aria-label": t("views") }, el("ul", {}, VIEWS.map(link)));
}

function about(desk) {
  const words = `${desk.name} · ${t("pictures", { count: desk.pictures })}`;
  return el("p", { class: "about" }, words);
}

function tools(languages, speak) {
  return el(
    "div",
    { class: "tools" },
    languageMenu(languages, speak),
    themeButton(),
    iconButton("keys", t("keys.title"), showKeys),
  );
}

function languageMenu(languages, speak) {
  const code = currentLanguage();
  const label = `${t("language")}: ${languages[code]}`;
  const opener = el(
    "button",
    { type: "button", class: "icon-button language", "aria-label": label, title: label },
    icon("globe"),
    el("span", { "aria-hidden": "true" }, code.toUpperCase()),
  );
  return popover(opener, t("language"), (close) =>
    el(
      "ul",
      { class: "menu" },
      Object.entries(languages).map(([one, name]) => languageItem(one, name, code, speak, close)),
    ),
  );
}

function languageItem(one, name, code, speak, close) {
  const act = () => {
    close();
    remember(one);
    speak(one);
  };
  const attributes = { type: "button", lang: one, "aria-pressed": String(one === code) };
  return el(
    "li",
    {},
    el("button", { ...attributes, on: { click: act } }, el("span", {}, name), icon("check")),
  );
}

function themeButton() {
  const button = iconButton("sun", "", () => {
    setTheme(THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]);
    draw();
  });
  const draw = () => {
    const name = theme();
    const label = t(`theme.${name}`);
    put(button, icon({ auto: "auto", light: "sun", dark: "moon" }[name]));
    button.setAttribute("aria-label", label);
    button.title = label;
  };
  draw();
  return button;
}

function theme() {
  return localStorage.getItem(THEME) ?? "auto";
}

function setTheme(name) {
  if (name === "auto") {
    localStorage.removeItem(THEME);
    delete document.documentElement.dataset.theme;
  } else {
    localStorage.setItem(THEME, name);
    document.documentElement.dataset.theme = name;
  }
}
