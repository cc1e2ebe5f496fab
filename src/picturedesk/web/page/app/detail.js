/** One picture large, with all that is known of it, in a dialog above any view. */

import { address, call, currentKey, send } from "./api.js";
import { explained, isPlain } from "./asking.js";
import { button, iconButton, keepNews } from "./dialogs.js";
import { may, moreLike, notLike, use } from "./deciding.js";
import { el, isTyping, put } from "./dom.js";
import { editPictures } from "./editing.js";
import { aspectOf } from "./facets.js";
import { columnName, valueName } from "./filters.js";
import { chips, nameOf } from "./grid.js";
import { day, number, t } from "./i18n.js";
import { go, goToPicture } from "./routing.js";
import { state } from "./store.js";
import { showThumbnail, sized, watched } from "./thumbnails.js";
import { reasonOf, takeBack, tellProblem } from "./toasts.js";
import { block, seenBlock, sharesBlocks, storiesBlock, storyBlock, tagsOf } from "./why.js";

const ALIKE = 8;
const STRIP = 88; // pixels of height of a picture in a strip
const LARGE = 1280; // pixels
const BLOWN_UP = 2; // times its own size that a small picture is shown at most
const FACTS = ["licence", "date", "expiry", "embargo", "territory", "uses", "max_uses", "last_used"];

let dialog = null;
let controller = null;
let current = null; // {key, picture, desk}
let shown = []; // suggestions of the view below, in order
let opener = null; // what had the focus before

/** Says which suggestions the view shows, so that one can turn from one to the next. */
export function showing(suggestions) {
  shown = suggestions;
}

/** Opens a picture, or shows another one in the dialog that is open. */
export async function openPicture(key, desk) {
  if (current?.key === key && dialog) return;
  controller?.abort();
  controller = new AbortController();
  if (!dialog) make();
  current = { key, picture: null, desk };
  const suggestion = shown.find((one) => one.picture.key === key) ?? null;
  try {
    const { signal } = controller;
    const picture = suggestion?.picture ?? (await call("GET", `/pictures/${key}`, { signal }));
    if (current?.key === key) draw(picture, suggestion, desk, signal);
  } catch (problem) {
    if (problem.name !== "AbortError" && dialog) drawProblem(problem);
  }
}

/** Closes the dialog, if one is open. */
export function closePicture() {
  dialog?.close();
}

function make() {
  opener = document.activeElement;
  dialog = el("dialog", { class: "dialog picture", "aria-label": t("picture") });
  dialog.addEventListener("click", (event) => event.target === dialog && closePicture());
  dialog.addEventListener("keydown", onKey);
  dialog.addEventListener("close", () => {
    controller?.abort();
    keepNews(dialog);
    dialog.remove();
    dialog = null;
    const key = current?.key;
    current = null;
    goToPicture("");
    returnFocus(key);
  });
  document.body.append(dialog);
  dialog.showModal();
}

/** The focus goes to the picture that was seen last, or to where it was before. */
function returnFocus(key) {
  const now = document.activeElement;
  if (now && now !== document.body && now !== opener) return; // somebody was faster
  const card = document.querySelector(`.card[data-key="${CSS.escape(key ?? "")}"] button`);
  const target = card ?? opener;
  if (target?.isConnected) target.focus();
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const acts = {
    ArrowLeft: () => turn(-1),
    ArrowRight: () => turn(1),
    u: () => use(current.picture, current.desk),
    m: () => more(current.picture),
    n: () => not(current.picture),
    e: () => edit(),
    z: takeBack,
  };
  if (!current?.picture || !acts[event.key] || event.target.matches(".marked")) return;
  event.preventDefault();
  event.stopPropagation();
  acts[event.key]();
}

function turn(step) {
  const at = shown.findIndex((one) => one.picture.key === current.key);
  const next = shown[at + step];
  if (at >= 0 && next) goToPicture(next.picture.key, true);
}

function more(picture) {
  moreLike(picture);
  closePicture();
  go("write");
}

function not(picture) {
  notLike(picture);
  closePicture();
  go("write");
}

function edit() {
  if (!may(current.desk, "editor")) return;
  const { picture, desk } = current;
  editPictures([picture], desk, (changed) => {
    const suggestion = shown.find((one) => one.picture.key === picture.key);
    if (suggestion) suggestion.picture = changed;
    draw(changed, suggestion ?? null, desk, controller.signal);
  });
}

function draw(picture, suggestion, desk, signal) {
  current.picture = picture;
  const why = el("div", { class: "why" });
  const side = el(
    "div",
    { class: "side" },
    el("h2", {}, picture.caption || nameOf(picture)),
    el("p", { class: "credit" }, picture.credit || t("credit.none")),
    chips(suggestion ?? { picture, match: "", found: null, others: 0 }),
    actions(picture, desk),
    why,
    rights(picture),
    strip(t("duplicates"), (suggestion?.other_keys ?? []).map((key) => ({ key }))),
    alike(picture.key, signal),
  );
  put(dialog, toolbar(), el("div", { class: "picture-body", tabindex: "-1" }, large(picture), side));
  dialog.setAttribute("aria-label", picture.caption || nameOf(picture));
  explainInto(why, suggestion, desk, signal);
  dialog.querySelector(".actions .primary").focus({ preventScroll: true });
}

function drawProblem(problem) {
  const words = [el("h2", {}, reasonOf(problem)), el("p", {}, problem.cure ?? "")];
  put(dialog, toolbar(), el("div", { class: "empty" }, words));
}

function toolbar() {
  const at = shown.findIndex((one) => one.picture.key === current?.key);
  const place = at >= 0 && t("picture.place", { place: at + 1, count: shown.length });
  const turner = (name, label, step) =>
    iconButton(name, label, () => turn(step), { disabled: !shown[at + step] });
  return el(
    "header",
    { class: "picture-head" },
    el("span", { class: "quiet" }, place),
    current?.picture && iconButton("open", t("original"), () => openOriginal(current.key)),
    current?.picture && may(current.desk, "editor") && iconButton("edit", t("edit"), edit),
    at >= 0 && el("i", { class: "rule" }),
    at >= 0 && turner("back", t("previous"), -1),
    at >= 0 && turner("next", t("next"), 1),
    iconButton("close", t("close"), closePicture),
  );
}

function large(picture) {
  const aspect = aspectOf(picture);
  const image = watched(el("img", { alt: picture.caption || nameOf(picture), decoding: "async" }));
  image.style.aspectRatio = String(aspect);
  image.style.maxHeight = picture.columns.height > 0 ? `${picture.columns.height * BLOWN_UP}px` : "";
  showThumbnail(image, picture.key, Math.min(LARGE, innerWidth));
  const { width, height, format } = picture.columns;
  const size = width > 0 && t("size", { width: String(width), height: String(height) });
  const facts = [size, format].filter(Boolean).join(" · ");
  return el(
    "figure",
    { class: "large" },
    el("div", { class: "mat" }, image),
    el("figcaption", {}, el("span", { class: "path" }, picture.uri), el("span", {}, facts)),
  );
}

function actions(picture, desk) {
  const takes = may(desk, "editor") ? t("use") : t("use.copy");
  return el(
    "div",
    { class: "actions" },
    button(takes, () => use(picture, desk), { look: "primary", image: "check" }),
    button(t("alike"), () => more(picture), { image: "alike" }),
    button(t("unlike"), () => not(picture), { image: "ban" }),
  );
}

async function openOriginal(key) {
  const path = `/pictures/${key}/original`;
  if (!currentKey()) {
    open(address(path), "_blank", "noopener");
    return;
  }
  try {
    const url = URL.createObjectURL(await (await send("GET", path)).blob());
    open(url, "_blank");
    setTimeout(() => URL.revokeObjectURL(url), 60000);
  } catch (problem) {
    tellProblem(problem);
  }
}

/** Fills in the reasons; those that need a question of their own come when they are there. */
async function explainInto(why, suggestion, desk, signal) {
  const { key } = current;
  const asked = Promise.all([explained(key, signal), tagsOf(key, desk, signal)]);
  if (isPlain()) put(why, el("div", { class: "skeleton why-skeleton" }, el("i"), el("i"), el("i")));
  let reasons = null;
  let tags = [];
  try {
    [reasons, tags] = await asked;
  } catch (problem) {
    if (problem.name === "AbortError") return;
    put(why, el("p", { class: "quiet" }, reasonOf(problem)));
    return;
  }
  const told = reasons?.suggestion ?? suggestion;
  const explanation = reasons?.explanation ?? null;
  put(
    why,
    explanation && storyBlock(state.text, explanation),
    told && storiesBlock(told, explanation?.score, (other) => goToPicture(other, true)),
    seenBlock(tags, explanation),
    explanation && sharesBlocks(explanation),
  );
}

/** Rights, dates, and all other columns of a picture that have a value. */
function rights(picture) {
  const own = Object.keys(picture.columns).filter((one) => !["width", "height", "format"].includes(one));
  const rows = [
    ...FACTS.map((column) => [column, picture[column]]),
    ["tags", picture.tags],
    ...own.map((column) => [column, picture.columns[column]]),
  ].filter(([, value]) => isThere(value));
  const row = ([column, value]) =>
    el("div", {}, el("dt", {}, columnName(column)), el("dd", {}, written(column, value)));
  return block(t("rights"), el("dl", { class: "facts" }, rows.map(row)));
}

function isThere(value) {
  return !(value === "" || value === 0 || value === null || (Array.isArray(value) && value.length === 0));
}

function written(column, value) {
  if (Array.isArray(value)) return value.map((one) => valueName(column, one)).join(", ");
  if (typeof value === "boolean") return t(value ? "yes" : "no");
  if (typeof value === "number") return number(value, Number.isInteger(value) ? 0 : 2);
  return valueName(column, day(value));
}

function strip(title, pictures) {
  return block(
    title,
    pictures.length > 0 && el("div", { class: "strip" }, pictures.map((one) => small(one))),
  );
}

function small(picture) {
  const aspect = picture.columns ? aspectOf(picture) : 1;
  const label = t("open.picture", { name: picture.caption ?? picture.key.slice(0, 8) });
  const act = () => goToPicture(picture.key, true);
  const attributes = { type: "button", class: "shot", "aria-label": label, title: picture.caption };
  return el("button", { ...attributes, on: { click: act } }, sized(picture.key, aspect, STRIP));
}

function alike(key, signal) {
  const place = el("div", { class: "alike" });
  const boxes = el("div", { class: "strip skeleton" }, [1, 2, 3, 4].map(() => el("i")));
  put(place, block(t("alike.title"), boxes));
  call("POST", "/similar", { json: { picture: key, k: ALIKE }, signal }).then(
    (answer) => put(place, strip(t("alike.title"), answer.suggestions.map((one) => one.picture))),
    () => put(place),
  );
  return place;
}
