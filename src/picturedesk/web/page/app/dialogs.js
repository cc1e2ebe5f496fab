/** Dialogs over the page, popovers beside a button, and the key that a server asks for. */

import { el, freshId, put } from "./dom.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";

const GAP = 6; // pixels between a button and its popover
const EDGE = 8; // pixels that a popover keeps from the edge of the window

/** A button with an icon alone; its label is read out and shown as a tooltip. */
export function iconButton(name, label, act, more = {}) {
  const attributes = { type: "button", class: "icon-button", "aria-label": label, title: label };
  return el("button", { ...attributes, on: { click: act }, ...more }, icon(name));
}

/** A button with words, and an icon before them if one is named. */
export function button(label, act, { look = "", image = "", ...more } = {}) {
  const attributes = { type: "button", class: `button ${look}`.trim(), on: { click: act }, ...more };
  return el("button", attributes, image && icon(image), el("span", {}, label));
}

/**
 * Opens a modal dialog; the focus returns to where it was.
 * @param {{title: string, kind?: string, closed?: () => void}} options
 * @param {(close: () => void) => Array} content what is in it
 * @returns {HTMLDialogElement}
 */
export function openDialog({ title, kind = "", closed = () => {} }, content) {
  const id = freshId("dialog");
  const dialog = el("dialog", { class: `dialog ${kind}`.trim(), "aria-labelledby": id });
  const close = () => dialog.close();
  const head = el(
    "header",
    { class: "dialog-head" },
    el("h2", { id }, title),
    iconButton("close", t("close"), close),
  );
  put(dialog, head, content(close));
  dialog.addEventListener("click", (event) => event.target === dialog && close());
  dialog.addEventListener("close", () => {
    keepNews(dialog);
    dialog.remove();
    closed();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Takes the news out of a dialog that goes. */
export function keepNews(dialog) {
  const news = dialog.querySelector(".toasts");
  if (news) document.body.append(news);
}

/** Asks whether to do what cannot be undone; resolves to the answer. */
export function confirmed(title, words, act) {
  return new Promise((resolve) => {
    let answer = false;
    const yes = (close) => () => {
      answer = true;
      close();
    };
    openDialog({ title, kind: "small", closed: () => resolve(answer) }, (close) => [
      el("p", { class: "dialog-text" }, words),
      el(
        "footer",
        { class: "dialog-foot" },
        button(t("cancel"), close),
        button(act, yes(close), { look: "primary" }),
      ),
    ]);
  });
}

/** Asks for a key of the server; resolves to "" if there is none. */
export function askForKey(wasRefused) {
  return new Promise((resolve) => {
    let key = "";
    const field = el("input", {
      id: freshId("key"),
      type: "password",
      autocomplete: "off",
      spellcheck: "false",
      required: true,
    });
    openDialog({ title: t("key.title"), kind: "small", closed: () => resolve(key) }, (close) => {
      const give = (event) => {
        event.preventDefault();
        key = field.value.trim();
        close();
      };
      return el(
        "form",
        { class: "key-form", on: { submit: give } },
        el("p", { class: "dialog-text" }, t(wasRefused ? "key.refused" : "key.words")),
        el("label", { for: field.id }, t("key.label")),
        field,
        el(
          "footer",
          { class: "dialog-foot" },
          el("button", { class: "button primary", type: "submit" }, t("key.enter")),
        ),
      );
    });
    field.focus();
  });
}

/**
 * A button that opens a popover below it; the content is made each time it opens.
 * @param {HTMLButtonElement} opener
 * @param {string} label for screen readers
 * @param {(close: () => void) => Node|Array} content
 */
export function popover(opener, label, content) {
  const panel = el("div", { class: "popover", popover: "auto", role: "dialog", "aria-label": label });
  const close = () => {
    panel.hidePopover();
    opener.focus();
  };
  opener.setAttribute("aria-haspopup", "dialog");
  opener.setAttribute("aria-expanded", "false");
  opener.addEventListener("click", () => {
    if (panel.isConnected) return;
    put(panel, content(close));
    document.body.append(panel);
    panel.showPopover();
    place(panel, opener);
    panel.querySelector("input, select, button, [tabindex]")?.focus();
  });
  panel.addEventListener("toggle", (event) => {
    opener.setAttribute("aria-expanded", String(event.newState === "open"));
    if (event.newState === "closed") panel.remove();
  });
  return opener;
}

function place(panel, opener) {
  const box = opener.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = panel;
  const left = Math.min(box.left, innerWidth - width - EDGE);
  const below = box.bottom + GAP;
  const fits = below + height <= innerHeight - EDGE;
  panel.style.left = `${Math.max(EDGE, left)}px`;
  panel.style.top = `${fits ? below : Math.max(EDGE, box.top - GAP - height)}px`;
}
