/** Asks the desk while the user writes: soon, not at each key, and late answers are dropped. */

import { call } from "./api.js";
import { conditionOf } from "./conditions.js";
import { hasQuestion, state } from "./store.js";

let dropped = null; // a picture file that the user gave; it does not outlive a reload

const WAIT = 140; // milliseconds without a key before the desk is asked
const PASTED = 3; // signs that come or go at once when nobody types; the desk is asked at once
const LONGEST = 500; // milliseconds that somebody who types on waits for an answer at most

/**
 * Asks with the present state of the page.
 * @param {Object} desk
 * @param {{wait: () => void, answer: (answer: Object) => void, fail: (problem: Error) => void,
 *   nothing: () => void}} heard
 */
export function asker(desk, heard) {
  let timer = 0;
  let since = 0; // when the first key was pressed that has no answer yet
  let latest = 0; // number of the latest question
  let controller = null;
  let most = 12;

  let length = state.text.length; // of the text when it was last looked at

  const ask = async () => {
    clearTimeout(timer);
    since = 0;
    latest += 1;
    controller?.abort();
    if (!dropped && !hasQuestion()) return heard.nothing();
    const mine = latest;
    controller = new AbortController();
    heard.wait();
    try {
      const answer = await send(desk, most, controller.signal);
      if (mine === latest) heard.answer(answer);
    } catch (problem) {
      if (mine === latest && problem.name !== "AbortError") heard.fail(problem);
    }
    return undefined;
  };
  return {
    soon() {
      const now = performance.now();
      const isPasted = Math.abs(state.text.length - length) > PASTED;
      length = state.text.length;
      since ||= now;
      clearTimeout(timer);
      timer = setTimeout(ask, isPasted ? 0 : Math.max(0, Math.min(WAIT, since + LONGEST - now)));
    },
    now: ask,
    more(count) {
      most = count;
      ask();
    },
    most: () => most,
    stop() {
      clearTimeout(timer);
      latest += 1;
      controller?.abort();
    },
  };
}

/** The filters of the story as a condition. */
export function whereOf(desk) {
  return conditionOf(state.filters, desk.columns);
}

/** The picture file that pictures shall be like; null for none. */
export function droppedPicture() {
  return dropped;
}

export function dropPicture(file) {
  dropped = file;
}

/** Whether the question is a plain text, which alone is explained. */
export function isPlain() {
  const others = state.like.length + state.unlike.length + state.keywords.length;
  return state.text.trim() !== "" && others === 0 && dropped === null;
}

/** Asks about one picture of the story with its reasons; null if there are none. */
export async function explained(key, signal) {
  if (!isPlain()) return null;
  const json = {
    text: state.text,
    k: 1,
    where: `key = '${key}'`,
    explain: true,
    duplicates: true,
    include: ["expired", "embargoed", "missing", "used_up"],
    ...(state.route && { route: state.route }),
  };
  const answer = await call("POST", "/suggest", { json, signal });
  const [suggestion] = answer.suggestions;
  return suggestion ? { suggestion, explanation: answer.explanations?.[0] ?? null } : null;
}

function send(desk, most, signal) {
  const options = {
    where: whereOf(desk),
    ...(state.route && { route: state.route }),
  };
  if (state.passages && isPlain()) {
    const json = { ...options, text: state.text, slots: state.slots, k: 4 };
    return call("POST", "/suggest/slots", { json, signal });
  }
  const json = { ...options, ...question(), k: most };
  if (!dropped) return call("POST", "/suggest", { json, signal });
  const form = new FormData();
  form.append("file", dropped);
  form.append("options", JSON.stringify(json));
  return call("POST", "/suggest", { form, signal });
}

function question() {
  if (isPlain()) return { text: state.text };
  const keys = (pictures) => pictures.map((one) => one.key);
  return {
    ...(state.text.trim() && { text: state.text }),
    like: keys(state.like),
    unlike: keys(state.unlike),
    keywords: state.keywords,
  };
}
