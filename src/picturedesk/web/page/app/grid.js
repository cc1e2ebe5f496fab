/** The justified grid of suggestions: fixed boxes, so that nothing moves when pictures come. */

import { el, put } from "./dom.js";
import { aspectOf } from "./facets.js";
import { chance, t } from "./i18n.js";
import { icon, strength } from "./icons.js";
import { justified } from "./justify.js";
import { showThumbnail, watched } from "./thumbnails.js";

const GAP = 16; // pixels, as --s4 in tokens.css
const NARROW = 480; // pixels of width below which rows are lower
const FLAT = 2.4; // aspects beyond these are shown within them, whole, on a mat
const TALL = 0.72;
const SKELETON = [1.5, 1, 1.5, 0.75, 1.5, 1.33, 1, 1.5, 0.8, 1.5, 1, 1.33]; // aspects

/**
 * A grid of suggestions.
 * @param {(suggestion: Object, place: number) => void} open what click and Enter do
 * @param {() => void} leave what Escape does
 */
export function suggestionGrid(open, leave) {
  const list = el("ul", { class: "justified", role: "list", "aria-label": t("grid.label") });
  const grid = { list, cards: new Map(), shown: [], open };
  new ResizeObserver(() => layOut(grid)).observe(list);
  list.addEventListener("keydown", (event) => move(event, list, leave));
  return {
    list,
    show: (suggestions) => show(grid, suggestions),
    wait: () => wait(grid),
    clear: () => show(grid, []),
    focus: () => list.querySelector("button[tabindex='0']")?.focus(),
  };
}

function show(grid, suggestions) {
  grid.shown = suggestions;
  const old = grid.cards;
  grid.cards = new Map(
    suggestions.map((one) => [one.picture.key, old.get(one.picture.key) ?? card(grid)]),
  );
  const cards = [...grid.cards.values()];
  const hadFocus = grid.list.contains(document.activeElement);
  const focused = cards.findIndex((one) => one.item.contains(document.activeElement));
  const current = Math.max(0, focused);
  suggestions.forEach((one, place) => bindCard(cards[place], one, place, place === current));
  sync(grid.list, cards.map((one) => one.item));
  // Moving a card takes the focus from it; if its picture is gone, the first one gets it.
  if (hadFocus) cards[current]?.box.focus({ preventScroll: true });
  grid.list.removeAttribute("aria-busy");
  layOut(grid);
}

/** Changes the children without making those anew that stay. */
function sync(list, items) {
  const wanted = new Set(items);
  for (const child of [...list.children]) if (!wanted.has(child)) child.remove();
  items.forEach((item, place) => {
    if (list.children[place] !== item) list.insertBefore(item, list.children[place] ?? null);
  });
}

/** Boxes in the sizes of pictures while the first answer is on its way. */
function wait(grid) {
  if (grid.shown.length > 0 || grid.list.getAttribute("aria-busy")) return;
  grid.list.setAttribute("aria-busy", "true");
  const item = () => el("li", { class: "card skeleton" }, el("div", { class: "mat" }), lines());
  put(grid.list, SKELETON.map(item));
  layOut(grid);
}

function lines() {
  return el("div", { class: "card-words" }, el("i", { class: "line" }), el("i", { class: "line short" }));
}

function layOut(grid) {
  const width = Math.floor(grid.list.getBoundingClientRect().width);
  const items = [...grid.list.children];
  if (width === 0 || items.length === 0) return;
  const aspects = items.map((item, place) => boxAspect(grid.shown[place], place));
  const height = width < NARROW ? 150 : 208;
  const gap = width < NARROW ? 10 : GAP;
  for (const row of justified(aspects, width, { height, gap })) {
    for (const box of row.boxes) place(items[box.index], box.width, row.height, grid);
  }
}

function place(item, width, height, grid) {
  item.style.width = `${width}px`;
  const mat = item.querySelector(".mat");
  mat.style.height = `${height}px`;
  const key = item.dataset.key;
  if (key && grid.cards.has(key)) showThumbnail(grid.cards.get(key).image, key, width);
}

function boxAspect(suggestion, place) {
  if (!suggestion) return SKELETON[place % SKELETON.length];
  return Math.min(FLAT, Math.max(TALL, aspectOf(suggestion.picture)));
}

function card(grid) {
  const image = watched(el("img", { alt: "", decoding: "async", draggable: "false" }));
  const words = el("span", { class: "card-words" });
  const box = el("button", { type: "button" }, el("span", { class: "mat" }, image), words);
  const item = el("li", { class: "card" }, box);
  const made = { item, box, image, words, suggestion: null };
  box.addEventListener("click", () => grid.open(made.suggestion, grid.shown.indexOf(made.suggestion)));
  return made;
}

function bindCard(made, suggestion, place, current) {
  const { picture } = suggestion;
  made.suggestion = suggestion;
  made.item.dataset.key = picture.key;
  made.box.tabIndex = current ? 0 : -1;
  made.box.setAttribute("aria-label", spoken(suggestion, place));
  put(made.words, captionOf(picture), chips(suggestion), credit(picture));
}

function captionOf(picture) {
  return el("span", { class: "caption" }, picture.caption || nameOf(picture));
}

function credit(picture) {
  return el("span", { class: "credit" }, picture.credit || "\u00a0");
}

/** Strength of match, chance, near-duplicates and licence of a suggestion, as chips. */
export function chips(suggestion) {
  const { picture, match, found, others } = suggestion;
  return el(
    "span",
    { class: "chips" },
    match &&
      el("span", { class: `tag match ${match}` }, strength(match), el("span", {}, t(`match.${match}`))),
    found !== null && el("span", { class: "tag plain", title: t("found.one") }, chance(found)),
    others > 0 && el("span", { class: "tag plain", title: t("others", { count: others }) }, `+${others}`),
    picture.licence && el("span", { class: "tag", title: t("column.licence") }, picture.licence),
    picture.missing && el("span", { class: "tag bad" }, icon("warn"), t("missing")),
  );
}

/** The name of a picture's file. */
export function nameOf(picture) {
  return picture.uri.split(/[\\/]/).pop();
}

function spoken(suggestion, place) {
  const { picture, match, found } = suggestion;
  return [
    t("grid.place", { place: place + 1 }),
    picture.caption || nameOf(picture),
    match && t(`match.${match}.long`),
    found !== null && found !== undefined && t("found.spoken", { chance: chance(found) }),
    picture.credit,
    picture.licence,
  ]
    .filter(Boolean)
    .join(". ");
}

function move(event, list, leave) {
  if (event.key === "Escape") {
    event.preventDefault();
    leave();
    return;
  }
  const all = [...list.querySelectorAll("button")];
  const next = target(event.key, all, all.indexOf(document.activeElement));
  if (!next) return;
  event.preventDefault();
  for (const one of all) one.tabIndex = one === next ? 0 : -1;
  next.focus();
}

/** Where a key leads: left and right by order, up and down to the nearest of the next row. */
function target(key, all, at) {
  if (at < 0) return null;
  if (key === "ArrowRight") return all[at + 1];
  if (key === "ArrowLeft") return all[at - 1];
  if (key === "Home") return all[0];
  if (key === "End") return all[all.length - 1];
  if (key === "ArrowDown" || key === "ArrowUp") return neighbour(all, at, key === "ArrowDown");
  return null;
}

function neighbour(all, at, down) {
  const from = all[at].getBoundingClientRect();
  const boxes = all.map((one) => [one, one.getBoundingClientRect()]);
  const beyond = boxes.filter(([, box]) => (down ? box.top > from.top + 1 : box.top < from.top - 1));
  if (beyond.length === 0) return null;
  const tops = beyond.map(([, box]) => box.top);
  const top = down ? Math.min(...tops) : Math.max(...tops);
  const middle = (box) => box.left + box.width / 2;
  const row = beyond.filter(([, box]) => Math.abs(box.top - top) < 2);
  row.sort((a, b) => Math.abs(middle(a[1]) - middle(from)) - Math.abs(middle(b[1]) - middle(from)));
  return row[0][0];
}
