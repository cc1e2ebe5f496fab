/** Pictures for the passages of a long story: one for each, and others to choose from. */

import { el } from "./dom.js";
import { doubtful } from "./doubts.js";
import { aspectOf } from "./facets.js";
import { chips, nameOf } from "./grid.js";
import { t } from "./i18n.js";
import { sized } from "./thumbnails.js";

const FIRST = 176; // pixels of height of the passage's own picture
const OTHER = 84;

/** The passages in order; `open` shows a suggestion large. */
export function passages(slots, open) {
  return el("ol", { class: "passages" }, slots.map((slot, place) => passage(slot, place, open)));
}

function passage(slot, place, open) {
  const [first, ...others] = slot.suggestions;
  return el(
    "li",
    { class: "passage" },
    el("div", { class: "passage-text" }, heading(place), words(slot)),
    el(
      "div",
      { class: "passage-pictures" },
      first && shot(first, FIRST, open, true),
      others.length > 0 && el("div", { class: "others" }, others.map((one) => shot(one, OTHER, open))),
      slot.doubt && doubtful(slot.doubt),
    ),
  );
}

function heading(place) {
  return el("h2", {}, t("passages.one", { place: place + 1 }));
}

/** The passage, with the sentence that its picture goes with. */
function words(slot) {
  const at = slot.sentence ? slot.text.indexOf(slot.sentence) : -1;
  const isAll = slot.sentence.trim() === slot.text.trim();
  if (at < 0 || isAll) return el("p", {}, slot.text);
  const end = at + slot.sentence.length;
  return el("p", {}, slot.text.slice(0, at), el("mark", {}, slot.sentence), slot.text.slice(end));
}

function shot(suggestion, height, open, own = false) {
  const { picture } = suggestion;
  const label = picture.caption || nameOf(picture);
  const act = () => open(suggestion);
  return el(
    "figure",
    { class: own ? "own" : "" },
    el(
      "button",
      { type: "button", class: "shot", "aria-label": label, title: label, on: { click: act } },
      sized(picture.key, aspectOf(picture), height, { flat: 1.5, tall: 0.7 }),
    ),
    own && el("figcaption", {}, el("span", { class: "caption" }, label), chips(suggestion)),
  );
}
