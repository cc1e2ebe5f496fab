/** Files that were left out, each with the reason and how to fix it. */

import { call } from "./api.js";
import { button } from "./dialogs.js";
import { el, put } from "./dom.js";
import { t } from "./i18n.js";
import { reasonOf } from "./toasts.js";

/** The list of rejected files; it loads itself. */
export function rejectedList() {
  const root = el("div", { class: "rejected", "aria-busy": "true" });
  const load = () =>
    call("GET", "/rejected").then(
      (answer) => put(root, answer.rejected.length > 0 ? rejections(answer.rejected) : none()),
      (problem) => put(root, failure(problem, load)),
    );
  load().finally(() => root.removeAttribute("aria-busy"));
  return root;
}

/** A table of rejections: what, why, and the cure. */
export function rejections(all) {
  const head = ["rejected.source", "rejected.reason", "rejected.cure"].map((key) =>
    el("th", { scope: "col" }, t(key)),
  );
  const row = ({ source, reason, cure }) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, sourceOf(source)),
      el("td", { data: { label: t("rejected.reason") } }, reason),
      el("td", { data: { label: t("rejected.cure") } }, cure),
    );
  return el(
    "table",
    { class: "table stack" },
    el("thead", {}, el("tr", {}, head)),
    el("tbody", {}, all.map(row)),
  );
}

/** The name of a file, and below it where it is. */
function sourceOf(source) {
  const cut = Math.max(source.lastIndexOf("/"), source.lastIndexOf("\\")) + 1;
  const folder = source.slice(0, cut);
  return [source.slice(cut), folder && el("span", { class: "path" }, folder)];
}

function none() {
  return el(
    "div",
    { class: "empty" },
    el("h2", {}, t("empty.rejected")),
    el("p", {}, t("empty.rejected.words")),
  );
}

function failure(problem, again) {
  return el(
    "div",
    { class: "empty" },
    el("h2", {}, t("error.title")),
    el("p", {}, reasonOf(problem)),
    button(t("again"), again),
  );
}
