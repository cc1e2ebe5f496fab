/** A cell of the catalogue's grid: made once, used for many pictures. */

import { el } from "./dom.js";
import { nameOf } from "./grid.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";
import { clearThumbnail, showThumbnail, watched } from "./thumbnails.js";

/**
 * @param {(picture: Object) => void} open what a click and Enter do
 * @param {(place: number, event: Event) => void} pick what the tick and the space bar do
 */
export function pictureCell(open, pick) {
  const image = watched(el("img", { alt: "", decoding: "async", draggable: "false" }));
  const caption = el("span", { class: "caption" });
  const more = el("span", { class: "credit" });
  const flag = el("span", { class: "flag" });
  const tick = el("span", { class: "tick", "aria-hidden": "true" }, icon("check"));
  const cell = el(
    "div",
    { class: "cell", role: "option", "aria-selected": "false" },
    el("span", { class: "mat" }, image, flag),
    tick,
    el("span", { class: "card-words" }, caption, more),
  );
  let shown = null;
  let awaited = null; // what was asked of a picture that was not there yet, and of which place
  const place = () => Number(cell.dataset.place);
  const soon = (act) => {
    if (shown) act();
    else awaited = { act, place: place() };
  };
  const come = () => {
    const { act, place: asked } = awaited;
    awaited = null;
    if (asked === place() && cell.contains(document.activeElement)) queueMicrotask(act);
  };
  cell.addEventListener("click", (event) => {
    const picks = tick.contains(event.target) || event.shiftKey || event.ctrlKey || event.metaKey;
    soon(() => (picks ? pick(place(), event) : open(shown)));
  });
  cell.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    soon(() => (event.key === "Enter" ? open(shown) : pick(place(), event)));
  });
  cell.bind = (picture, selected) => {
    const same = shown?.key === picture?.key;
    shown = picture ?? null;
    if (shown && awaited) come();
    cell.classList.toggle("skeleton", !picture);
    cell.setAttribute("aria-selected", String(Boolean(picture && selected.has(picture.key))));
    if (!same) clearThumbnail(image);
    write(cell, { caption, more, flag }, picture);
  };
  cell.dress = (picture, width) => picture && showThumbnail(image, picture.key, width);
  return cell;
}

function write(cell, { caption, more, flag }, picture) {
  const words = picture ? picture.caption || nameOf(picture) : "";
  const facts = picture ? [picture.licence, picture.credit].filter(Boolean).join(" · ") : "";
  const state = picture ? stateOf(picture) : "";
  caption.textContent = words;
  more.textContent = facts;
  flag.textContent = state;
  flag.hidden = state === "";
  cell.setAttribute("aria-label", picture ? [words, facts, state].filter(Boolean).join(". ") : t("loading"));
}

/** Why a picture may not run now; "" if it may. */
function stateOf(picture) {
  const today = new Date().toISOString();
  if (picture.missing) return t("missing");
  if (picture.expiry && picture.expiry < today.slice(0, picture.expiry.length)) return t("expired");
  if (picture.embargo && picture.embargo > today.slice(0, picture.embargo.length)) return t("embargoed");
  if (picture.max_uses > 0 && picture.uses >= picture.max_uses) return t("usedUp");
  return "";
}
