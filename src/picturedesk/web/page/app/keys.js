/** Keys of the page, and the list of them that `?` opens. */

import { openDialog } from "./dialogs.js";
import { el, freshId, isTyping } from "./dom.js";
import { t } from "./i18n.js";

const STORED = "picturedesk.keys";
const OPEN = "dialog[open], :popover-open";

const GROUPS = [
  ["keys.everywhere", [["?"], "keys.list"], [["1"], "view.write"], [["2"], "view.catalogue"]],
  ["", [["3"], "view.quality"], [["4"], "view.history"], [["/"], "keys.field"], [["z"], "undo"]],
  ["keys.write", [["Ctrl", "Enter"], "keys.toPictures"], [["Esc"], "keys.toText"]],
  ["keys.grid", [["←", "↑", "→", "↓"], "keys.move"], [["Enter"], "keys.open"]],
  ["", [["Home", "End"], "keys.ends"], [["Space"], "keys.select"], [["Ctrl", "A"], "keys.all"]],
  ["keys.picture", [["←", "→"], "keys.turn"], [["u"], "use"], [["m"], "alike"], [["n"], "unlike"]],
  ["", [["e"], "edit"], [["Esc"], "close"]],
];

const bindings = new Map(); // key → what it does; those of the topmost layer come first

/** Whether single letters do something; those who dictate switch it off. */
export function keysAreOn() {
  return localStorage.getItem(STORED) !== "off";
}

/** Binds keys until the function that it returns is called; the latest binding counts. */
export function bind(keys) {
  const entries = Object.entries(keys);
  for (const [key, act] of entries) bindings.set(key, [act, ...(bindings.get(key) ?? [])]);
  return () => {
    for (const [key, act] of entries) {
      bindings.set(
        key,
        bindings.get(key).filter((one) => one !== act),
      );
    }
  };
}

/** Listens to the whole document. */
export function listenToKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(event.target) || (event.key.length === 1 && !keysAreOn())) return;
    if (document.querySelector(OPEN) && event.key !== "?") return; // keys are the layer's own
    const act = bindings.get(event.key)?.[0];
    if (!act || act(event) === false) return;
    event.preventDefault();
  });
}

/** Opens the list of keys. */
export function showKeys() {
  if (document.querySelector("dialog.keys")) return;
  openDialog({ title: t("keys.title"), kind: "keys" }, () => [
    el("div", { class: "keys-list" }, sections()),
    switchOfKeys(),
  ]);
}

function sections() {
  const found = [];
  for (const [title, ...rows] of GROUPS) {
    if (title) found.push([t(title), []]);
    found[found.length - 1][1].push(...rows);
  }
  return found.map(([title, rows]) =>
    el("section", {}, el("h3", {}, title), el("dl", {}, rows.map(row))),
  );
}

function row([keys, words]) {
  const caps = keys.map((key) => el("kbd", {}, key));
  return el("div", {}, el("dt", {}, caps), el("dd", {}, t(words)));
}

function switchOfKeys() {
  const id = freshId("keys");
  const set = (event) => localStorage.setItem(STORED, event.target.checked ? "on" : "off");
  const box = { id, type: "checkbox", checked: keysAreOn(), on: { change: set } };
  return el("p", { class: "dialog-text check" }, el("input", box), el("label", { for: id }, t("keys.switch")));
}
