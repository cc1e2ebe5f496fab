/** Taking a picture for a story: the choice is recorded, its details go to the clipboard. */

import { call } from "./api.js";
import { t } from "./i18n.js";
import { change, state } from "./store.js";
import { tell, tellProblem } from "./toasts.js";

const RANKS = ["reader", "editor", "admin"];

const listeners = new Set();

/** Calls `listener` after a choice was made or taken back; returns what ends it. */
export function onDecision(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Whether the caller's role is at least this one. */
export function may(desk, role) {
  return RANKS.indexOf(desk.role) >= RANKS.indexOf(role);
}

/** Path, credit line and caption of a picture, as they go to the clipboard. */
export function detailsOf(picture) {
  return [picture.uri, picture.credit, picture.caption].filter(Boolean).join("\n");
}

/** Records that a picture was taken for the story, and copies its details. */
export async function use(picture, desk) {
  const copied = await copy(detailsOf(picture));
  const text = state.text.trim();
  if (!text || !may(desk, "editor")) {
    tell(t(copied ? "use.copied" : "use.notCopied"), { bad: !copied });
    return;
  }
  try {
    const rejected = state.unlike.map((one) => one.key);
    const json = { text, picture: picture.key, rejected };
    const choice = await call("POST", "/choices", { json });
    notify();
    const words = copied ? "use.done" : "use.doneNotCopied";
    tell(t(words), { label: t("undo"), act: () => undo(choice.number) });
  } catch (problem) {
    tellProblem(problem);
  }
}

/** Takes a choice back. */
export async function undo(number) {
  try {
    await call("DELETE", `/choices/${number}`);
    notify();
    tell(t("use.undone"));
  } catch (problem) {
    tellProblem(problem);
  }
}

/** Asks for pictures that are like this one too. */
export function moreLike(picture) {
  const rest = state.like.filter((one) => one.key !== picture.key);
  change({ like: [...rest, named(picture)], unlike: without(state.unlike, picture), passages: false });
}

/** Asks for pictures that are unlike this one; `undo` of the news takes it back. */
export function notLike(picture) {
  const { like, unlike } = state;
  const next = [...without(unlike, picture), named(picture)];
  change({ unlike: next, like: without(like, picture), passages: false });
  tell(t("unlike.done"), { label: t("undo"), act: () => change({ like, unlike }) });
}

function named(picture) {
  return { key: picture.key, caption: picture.caption || picture.uri.split(/[\\/]/).pop() };
}

function without(pictures, picture) {
  return pictures.filter((one) => one.key !== picture.key);
}

function notify() {
  for (const listener of listeners) listener();
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // no permission, or the page is not on a secure address
  }
}
