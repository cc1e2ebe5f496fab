/** Starts the page: language, desk, frame; then shows the view that the address names. */

import { call, onMissingKey } from "./api.js";
import { openCatalogue } from "./catalogue.js";
import { askForKey, button } from "./dialogs.js";
import { closePicture, openPicture } from "./detail.js";
import { el, put } from "./dom.js";
import { openHistory } from "./history.js";
import { languages, preferred, t, useLanguage } from "./i18n.js";
import { bind, listenToKeys, showKeys } from "./keys.js";
import { openQuality } from "./quality.js";
import { VIEWS, go, here, onPlace } from "./routing.js";
import { frame, showPlace } from "./shell.js";
import { forgetThumbnails } from "./thumbnails.js";
import { reasonOf, takeBack } from "./toasts.js";
import { openWrite } from "./write.js";

const OPENERS = {
  write: openWrite,
  catalogue: openCatalogue,
  quality: openQuality,
  history: openHistory,
};

let desk = null;
let main = null;
let shown = ""; // the view that is open
let leave = () => {}; // closes it

async function start() {
  const known = await languages();
  await useLanguage(preferred(Object.keys(known)));
  onMissingKey((refused) => {
    forgetThumbnails();
    return askForKey(refused);
  });
  listenToKeys();
  keepDrops();
  bind(keysOfThePage());
  onPlace(show);
  await enter(known);
}

/** Asks for the desk and shows the page; a server that is away can be asked again. */
async function enter(known) {
  try {
    desk = await call("GET", "/desk");
  } catch (problem) {
    put(document.body, away(problem, known));
    return;
  }
  draw(known);
}

function draw(known) {
  const speak = async (code) => {
    await useLanguage(code);
    draw(known);
  };
  leave();
  closePicture();
  shown = "";
  main = frame(desk, known, speak);
  show(here());
}

function show({ view, part, key }) {
  if (!desk) return;
  if (view !== shown) {
    leave();
    shown = view;
    main.className = `view-${view}`;
    leave = OPENERS[view](main, desk, part);
  } else {
    dispatchEvent(new CustomEvent("picturedesk:part", { detail: part }));
  }
  showPlace(view, desk);
  if (key) openPicture(key, desk);
  else closePicture();
}

function away(problem, known) {
  return el(
    "main",
    { class: "away" },
    el("h1", {}, "Picturedesk"),
    el("p", {}, reasonOf(problem)),
    el("p", { class: "quiet" }, problem.cure || t("error.awayCure")),
    button(t("again"), () => enter(known), { look: "primary" }),
  );
}

function keysOfThePage() {
  const views = VIEWS.map((view, place) => [String(place + 1), () => go(view)]);
  return {
    ...Object.fromEntries(views),
    "?": showKeys,
    z: takeBack,
    "/": focusField,
  };
}

/** A file that is dropped where nothing takes it does not replace the page. */
function keepDrops() {
  for (const name of ["dragover", "drop"]) {
    document.addEventListener(name, (event) => {
      if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
    });
  }
}

function focusField() {
  document.querySelector("[data-field]")?.focus();
}

start();
