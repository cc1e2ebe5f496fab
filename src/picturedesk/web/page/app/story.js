/** The left side: the text, files that are dropped on it, pictures and words that go with it. */

import { call } from "./api.js";
import { dropPicture, droppedPicture } from "./asking.js";
import { iconButton, popover } from "./dialogs.js";
import { el, freshId, put } from "./dom.js";
import { number, t } from "./i18n.js";
import { icon } from "./icons.js";
import { change, listen, state } from "./store.js";
import { showThumbnail } from "./thumbnails.js";
import { tell, tellProblem } from "./toasts.js";

const DOCUMENTS = ".txt,.md,.html,.htm,.docx";
const PICTURES = /^image\//;
const NAMES = /\.(jpe?g|png|webp|avif|heic|tiff?|gif|bmp)$/i;
const SLOTS = ["paragraphs", 2, 3, 4, 5, 6, 8, 10];
const SMALL = 48; // pixels of a picture beside the text

/**
 * The pane of the story.
 * @param {() => void} toPictures what Ctrl+Enter does
 */
export function storyPane(toPictures) {
  const field = textField(toPictures);
  const count = el("span", { class: "count" });
  const material = el("div", { class: "material" });
  const root = el(
    "section",
    { class: "story", "aria-label": t("story.label") },
    material,
    field,
    el("footer", { class: "story-foot" }, count, storyTools(field)),
    el("div", { class: "drop-hint", "aria-hidden": "true" }, icon("file"), t("story.drop")),
  );
  const draw = () => {
    put(count, t("words", { count: countWords(state.text) }));
    put(material, materials());
    material.hidden = material.childElementCount === 0;
  };
  draw();
  const end = [
    listen(["text"], () => refill(field)),
    listen(["text", "like", "unlike", "keywords", "dropped"], draw),
  ];
  takePasted(field);
  return {
    root,
    takeDrops: (place) => takeDrops(place, root, field),
    close: () => end.forEach((one) => one()),
  };
}

/** Words of a text, in any script; signs of Chinese and Japanese count by word too. */
export function countWords(text) {
  const segmenter = new Intl.Segmenter(undefined, { granularity: "word" });
  let count = 0;
  for (const part of segmenter.segment(text)) if (part.isWordLike) count += 1;
  return count;
}

function textField(toPictures) {
  const keys = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      toPictures();
    }
  };
  return el("textarea", {
    id: freshId("story"),
    "aria-label": t("story.label"),
    placeholder: t("story.placeholder"),
    spellcheck: "true",
    data: { field: "" },
    value: state.text,
    on: { input: (event) => change({ text: event.target.value }), keydown: keys },
  });
}

function refill(field) {
  if (field.value !== state.text) field.value = state.text;
}

function storyTools(field) {
  const file = el("input", {
    type: "file",
    class: "hidden",
    tabindex: "-1",
    "aria-hidden": "true",
    accept: `${DOCUMENTS},image/*`,
  });
  file.addEventListener("change", () => {
    take(file.files[0], field);
    file.value = "";
  });
  return el(
    "div",
    { class: "story-tools" },
    passageSwitch(),
    keywordButton(),
    iconButton("file", t("story.file"), () => file.click()),
    iconButton("trash", t("story.clear"), () => clear(field)),
    file,
  );
}

function clear(field) {
  const { text, like, unlike, keywords } = state;
  const file = droppedPicture();
  dropPicture(null);
  change({ text: "", like: [], unlike: [], keywords: [], dropped: "" });
  field.focus();
  if (!text && !file && like.length + unlike.length + keywords.length === 0) return;
  const back = () => {
    dropPicture(file);
    change({ text, like, unlike, keywords, dropped: file?.name ?? "" });
  };
  tell(t("story.cleared"), { label: t("undo"), act: back });
}

/** One set of pictures for the whole story, or one picture for each of its passages. */
function passageSwitch() {
  const box = el("span", { class: "segments", role: "group", "aria-label": t("passages") });
  const draw = () => {
    const choice = (on, words) => {
      const act = () => {
        change({ passages: on });
        draw();
        box.querySelector("[aria-pressed=true]").focus();
      };
      const pressed = String(state.passages === on);
      return el("button", { type: "button", "aria-pressed": pressed, on: { click: act } }, words);
    };
    put(box, choice(false, t("passages.off")), choice(true, t("passages.on")), state.passages && slots());
  };
  draw();
  return box;
}

function slots() {
  const pick = (event) => {
    const { value } = event.target;
    change({ slots: value === SLOTS[0] ? value : Number(value) });
  };
  const option = (value) =>
    el("option", { value }, value === SLOTS[0] ? t("passages.paragraphs") : number(value));
  const select = { "aria-label": t("passages.how"), on: { change: pick } };
  const made = el("select", select, SLOTS.map(option));
  made.value = String(state.slots);
  return el("span", { class: "select" }, made, icon("down"));
}

function keywordButton() {
  const opener = iconButton("add", t("keyword.add"), () => {});
  return popover(opener, t("keyword.add"), (close) => {
    const id = freshId("keyword");
    const field = el("input", { id, type: "text", autocomplete: "off" });
    const add = (event) => {
      event.preventDefault();
      const word = field.value.trim();
      close();
      if (word && !state.keywords.includes(word)) change({ keywords: [...state.keywords, word] });
    };
    return el(
      "form",
      { class: "filter-form", on: { submit: add } },
      el("p", { class: "field" }, el("label", { for: id }, t("keyword.label")), field),
      el("button", { class: "button primary", type: "submit" }, t("keyword.add")),
    );
  });
}

/** What else the desk is asked with: pictures to be like or unlike, a dropped one, keywords. */
function materials() {
  const file = droppedPicture();
  const without = (name, one) => () => change({ [name]: state[name].filter((other) => other !== one) });
  const pictureOf = (one) =>
    showThumbnail(el("img", { alt: "", width: SMALL, height: SMALL }), one.key, SMALL);
  return [
    file && material(t("alike"), fileImage(file), file.name, dropAgain),
    ...state.like.map((one) => material(t("alike"), pictureOf(one), one.caption, without("like", one))),
    ...state.unlike.map((one) =>
      material(t("unlike"), pictureOf(one), one.caption, without("unlike", one), "not"),
    ),
    ...state.keywords.map((one) => material(t("keyword"), null, one, without("keywords", one))),
  ].filter(Boolean);
}

function material(kind, image, words, remove, look = "") {
  return el(
    "div",
    { class: `material-item ${look}`.trim() },
    image,
    el("span", {}, el("small", {}, kind), el("span", { class: "clip" }, words)),
    iconButton("close", t("remove.one", { words }), remove),
  );
}

function fileImage(file) {
  const image = el("img", { alt: "", width: SMALL, height: SMALL });
  image.src = URL.createObjectURL(file);
  image.addEventListener("load", () => URL.revokeObjectURL(image.src));
  image.addEventListener("error", () => image.classList.add("broken"));
  return image;
}

function dropAgain() {
  dropPicture(null);
  change({ dropped: "" });
}

/** Files that are dropped on a place are taken; the story shows that they may be. */
function takeDrops(place, story, field) {
  let depth = 0;
  const over = (on) => story.classList.toggle("dropping", on);
  const withFiles = (event) => event.dataTransfer?.types.includes("Files");
  place.addEventListener("dragenter", (event) => {
    if (!withFiles(event)) return;
    event.preventDefault();
    depth += 1;
    over(true);
  });
  place.addEventListener("dragover", (event) => withFiles(event) && event.preventDefault());
  place.addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    over(depth > 0);
  });
  place.addEventListener("drop", (event) => {
    depth = 0;
    over(false);
    if (!withFiles(event)) return;
    event.preventDefault();
    take(event.dataTransfer.files[0], field);
  });
}

function takePasted(field) {
  field.addEventListener("paste", (event) => {
    const [file] = event.clipboardData?.files ?? [];
    if (!file) return;
    event.preventDefault();
    take(file, field);
  });
}

/** Takes a file: a picture is what pictures shall be like, of a document its text. */
async function take(file, field) {
  if (!file) return;
  if (PICTURES.test(file.type) || NAMES.test(file.name)) {
    dropPicture(file);
    change({ dropped: file.name });
    return;
  }
  const form = new FormData();
  form.append("file", file);
  try {
    const { text } = await call("POST", "/documents", { form });
    change({ text });
    field.focus();
    field.setSelectionRange(0, 0);
    tell(t("story.taken", { name: file.name }));
  } catch (problem) {
    tellProblem(problem);
  }
}

