/** Short news at the foot of the page, read out by screen readers, with one thing to do. */

import { iconButton, button } from "./dialogs.js";
import { el } from "./dom.js";
import { t } from "./i18n.js";

const SHOWN = 9000; // milliseconds; while the pointer or the focus is on it, it stays

let region = null;
let latest = null;

/** The places of news: one for what happened, one for what went wrong. */
export function newsRegion() {
  region = el("div", { class: "toasts", role: "region", "aria-label": t("news") });
  return region;
}

/**
 * Tells something.
 * @param {string} words
 * @param {{cure?: string, bad?: boolean, label?: string, act?: () => void}} options
 */
export function tell(words, { cure = "", bad = false, label = "", act = null } = {}) {
  const toast = el("div", { class: bad ? "toast bad" : "toast", role: bad ? "alert" : "status" });
  let timer = 0;
  const close = () => {
    clearTimeout(timer);
    toast.remove();
    if (latest?.toast === toast) latest = null;
  };
  const wait = () => {
    timer = setTimeout(close, SHOWN);
  };
  const done = () => {
    close();
    act();
  };
  toast.append(
    el("p", {}, words, cure && el("span", { class: "cure" }, ` ${cure}`)),
    act ? button(label, done, { look: "quiet", image: "undo" }) : "",
    iconButton("close", t("close"), close),
  );
  for (const name of ["pointerenter", "focusin"]) {
    toast.addEventListener(name, () => clearTimeout(timer));
  }
  for (const name of ["pointerleave", "focusout"]) toast.addEventListener(name, wait);
  latest?.toast.remove();
  latest = { toast, done: act ? done : null };
  home().append(toast);
  wait();
}

/** Tells of a problem: its reason and its cure. */
export function tellProblem(problem) {
  if (problem.name === "AbortError") return;
  tell(reasonOf(problem), { cure: problem.cure ?? "", bad: true });
}

/** The reason of a problem in words; of one without an answer, that the server is away. */
export function reasonOf(problem) {
  return problem.message || problem.title || t("error.away");
}

/** Does what the latest news offers (undo); whether it offers anything. */
export function takeBack() {
  if (!latest?.done) return false;
  latest.done();
  return true;
}

/** News appear above an open dialog, or at the foot of the page. */
function home() {
  const dialogs = document.querySelectorAll("dialog[open]");
  (dialogs[dialogs.length - 1] ?? document.body).append(region);
  return region;
}
