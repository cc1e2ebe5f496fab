/** Why a picture is suggested: words of the story, routes, what the network sees, old stories. */

import { call } from "./api.js";
import { el } from "./dom.js";
import { aspectOf } from "./facets.js";
import { nameOf } from "./grid.js";
import { chance, day, known, number, percent, t } from "./i18n.js";
import { marked } from "./marks.js";
import { sized } from "./thumbnails.js";

const STORIES = 5;
const SEEN = 8;
const LEAST = 0.005; // of the score, that is shown
const SIDE = 72; // pixels of a picture beside its story
const REST = new Set(["other classes", "other words", "centre", "always", "rest"]);

/** A block with a heading; nothing if it has no content. */
export function block(title, ...content) {
  const there = content.flat().filter(Boolean);
  return there.length > 0 && el("section", { class: "block" }, el("h3", {}, title), there);
}

/** The story with the words marked that spoke for the picture. */
export function storyBlock(text, explanation) {
  const words = explanation?.words ?? [];
  return block(
    t("why.story"),
    el("div", { class: "marked", tabindex: "0", role: "region", "aria-label": t("why.story") }, marked(text, words)),
  );
}

/** What each route and each level of the network adds to the score. */
export function sharesBlocks(explanation) {
  const routes = explanation.routes.filter((one) => Math.abs(one.share) >= LEAST);
  const kinds = Object.entries(explanation.pictures).filter(([kind]) => kind.includes("levels"));
  return [
    block(t("why.routes"), bars(routes.map((one) => [known(`route.${one.name}`) || one.name, one.share]))),
    ...kinds.map(([kind, parts]) =>
      block(
        t(kind === "levels" ? "why.levels" : "why.towerLevels"),
        el("p", { class: "quiet" }, t("why.levelsHint")),
        bars(parts.map((one) => [levelName(one.name), one.share])),
      ),
    ),
  ];
}

function levelName(name) {
  return name === "always" ? t("why.always") : name;
}

/** Bars from a common zero, to the right for what adds and to the left for what takes away. */
function bars(rows) {
  const most = Math.max(...rows.map(([, share]) => Math.abs(share)), 1e-9);
  const low = Math.min(0, ...rows.map(([, share]) => share)) / most;
  const high = Math.max(0, ...rows.map(([, share]) => share)) / most;
  const span = high - low || 1;
  const row = ([name, share]) => {
    const fill = el("i", { class: share < 0 ? "less" : "" });
    fill.style.left = `${((Math.min(share / most, 0) - low) / span) * 100}%`;
    fill.style.width = `${(Math.abs(share / most) / span) * 100}%`;
    return el(
      "div",
      {},
      el("dt", {}, name),
      el("dd", {}, el("span", { class: "bar" }, fill), el("b", {}, signed(share))),
    );
  };
  return el("dl", { class: "bars" }, rows.map(row));
}

function signed(value) {
  return `${value < 0 ? "−" : "+"}${number(Math.abs(value), 2)}`;
}

/** The words of the archive that a picture shows; none where the desk has no detectors. */
export async function tagsOf(key, desk, signal) {
  if (!desk.tags) return [];
  try {
    const answer = await call("POST", "/tags", { json: { picture: key, most: SEEN }, signal });
    return answer.pictures[0]?.tags ?? [];
  } catch {
    return []; // the other reasons stand without them
  }
}

/** What the network sees: words of the archive, and classes of its own. */
export function seenBlock(tags, explanation) {
  const classes = (explanation?.pictures.classes ?? []).filter(
    (one) => !REST.has(one.name) && one.probability !== null && one.probability >= 0.005,
  );
  const rows = [
    ...tags.map((one) => [one.word, one.probability, "why.tag"]),
    ...classes.map((one) => [one.name, one.probability, "why.class"]),
  ];
  return block(t("why.seen"), rows.length > 0 && el("dl", { class: "bars" }, rows.map(probabilityRow)));
}

function probabilityRow([name, probability, kind]) {
  const fill = el("i", {});
  fill.style.width = `${Math.max(1, probability * 100)}%`;
  return el(
    "div",
    { title: t(kind) },
    el("dt", {}, name),
    el("dd", {}, el("span", { class: "bar" }, fill), el("b", {}, chance(probability))),
  );
}

/** Stories of the archive that support a suggestion, beside the pictures that ran with them. */
export function storiesBlock(suggestion, score, open) {
  const total = score || suggestion.score;
  const stories = suggestion.evidence.slice(0, STORIES).map((one) => story(one, total, open));
  return block(t("why.stories"), stories.length > 0 && el("ul", { class: "stories" }, stories));
}

function story(evidence, score, open) {
  const { picture, title, text, kind, share, date, link } = evidence;
  const label = t("open.picture", { name: picture.caption || nameOf(picture) });
  const facts = [
    t(`evidence.${kind}`),
    share > 0 && score > 0 && t("evidence.share", { share: percent(share / score) }),
    date && day(date),
  ];
  return el(
    "li",
    {},
    el(
      "button",
      { type: "button", class: "shot", "aria-label": label, on: { click: () => open(picture.key) } },
      sized(picture.key, aspectOf(picture), SIDE, { flat: 1.33, tall: 0.7 }),
    ),
    el(
      "div",
      {},
      title && el("strong", {}, title),
      el("p", {}, text),
      el("p", { class: "quiet" }, facts.filter(Boolean).join(" · ")),
      isAddress(link) &&
        el("a", { href: link, target: "_blank", rel: "noreferrer noopener" }, t("evidence.read")),
    ),
  );
}

/** Only web addresses become links: an archive may hold any text there. */
function isAddress(link) {
  return /^https?:\/\//i.test(link ?? "");
}
