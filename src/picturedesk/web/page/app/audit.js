/** What an audit found: topics without good pictures, odd pairs, pictures used too much or never. */

import { figure, shareBar } from "./charts.js";
import { el } from "./dom.js";
import { aspectOf } from "./facets.js";
import { columnName } from "./filters.js";
import { nameOf } from "./grid.js";
import { number, percent, t } from "./i18n.js";
import { goToPicture } from "./routing.js";
import { sized } from "./thumbnails.js";

const LARGE = 120; // pixels of height
const SMALL = 72;
const SUSPECTS = 30;

/** Topics of the archive, those with the fewest good pictures first. */
export function coveragePart(audit) {
  const topics = [...audit.topics].sort((a, b) => b.weak - a.weak);
  return [
    el("h2", {}, t("coverage.title")),
    el("p", { class: "lead" }, t("coverage.lead")),
    el(
      "div",
      { class: "figures" },
      figure(number(audit.asked), t("coverage.asked")),
      figure(percent(1 - audit.weak), t("coverage.covered")),
      figure(number(audit.pictures), t("coverage.pictures")),
    ),
    topics.length > 0
      ? el("ul", { class: "topics" }, topics.map(topic))
      : el("p", { class: "quiet" }, t("coverage.none")),
  ];
}

function topic({ words, texts, asked, weak, examples }) {
  return el(
    "li",
    { class: "topic" },
    el("h3", {}, words.join(" · ")),
    shareBar(weak, weak > 0.2 ? "bad" : ""),
    el("p", { class: "quiet" }, t("coverage.topic", { texts, asked, weak: percent(weak) })),
    el("ul", { class: "examples" }, examples.map((one) => el("li", {}, one))),
  );
}

/** Pairs and pictures that somebody should look at. */
export function auditPart(audit) {
  return [
    el("h2", {}, t("audit.title")),
    el("p", { class: "lead" }, t("audit.lead", { pairs: audit.pairs })),
    suspects(audit),
    conflicts(audit),
    exposures(audit),
    unused(audit),
  ];
}

function section(title, words, content, none) {
  return el(
    "section",
    { class: "audit-part" },
    el("h3", {}, title),
    el("p", { class: "quiet" }, content ? words : none),
    content,
  );
}

function suspects(audit) {
  const rows = audit.suspects.slice(0, SUSPECTS).map(suspect);
  const list = rows.length > 0 && el("ol", { class: "suspects" }, rows);
  return section(t("audit.suspects"), t("audit.suspectsWords"), list, t("audit.noSuspects"));
}

function suspect({ text, picture, rank, pictures, instead }) {
  return el(
    "li",
    {},
    el("div", { class: "pair" }, picturePart(picture, LARGE)),
    el(
      "div",
      {},
      el("p", { class: "story-text" }, text),
      el("p", { class: "quiet" }, t("audit.rank", { rank, pictures })),
    ),
    el(
      "div",
      { class: "instead" },
      el("p", { class: "quiet" }, t("audit.instead")),
      el("div", { class: "strip" }, instead.map((one) => picturePart(one, SMALL))),
    ),
  );
}

function conflicts(audit) {
  const rows = audit.conflicts.map(({ pictures, differ }) =>
    el(
      "li",
      {},
      el("div", { class: "strip" }, pictures.map((one) => picturePart(one, SMALL))),
      el("p", { class: "quiet" }, t("audit.differ", { columns: differ.map(columnName).join(", ") })),
    ),
  );
  const list = rows.length > 0 && el("ul", { class: "plain-list" }, rows);
  return section(t("audit.conflicts"), t("audit.conflictsWords"), list, t("audit.noConflicts"));
}

function exposures(audit) {
  const rows = audit.overused.map(({ picture, texts }) =>
    el("li", {}, picturePart(picture, SMALL), el("p", { class: "quiet" }, t("audit.texts", { count: texts }))),
  );
  const list = rows.length > 0 && el("ul", { class: "strip tall" }, rows);
  const words = t("audit.overusedWords", { usual: number(audit.usual_texts) });
  return section(t("audit.overused"), words, list, t("audit.noOverused"));
}

function unused(audit) {
  const shown = audit.unused.map((one) => picturePart(one, SMALL));
  const list = shown.length > 0 && el("div", { class: "strip" }, shown);
  const words = t("audit.unusedWords", { count: audit.unused_pictures });
  return section(t("audit.unused"), words, list, t("audit.noUnused"));
}

/** A picture that opens large when it is clicked. */
export function picturePart(picture, height) {
  const label = t("open.picture", { name: picture.caption || nameOf(picture) });
  const act = () => goToPicture(picture.key);
  const attributes = { type: "button", class: "shot", "aria-label": label, title: picture.caption };
  return el("button", { ...attributes, on: { click: act } }, sized(picture.key, aspectOf(picture), height));
}
