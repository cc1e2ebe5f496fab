/** Marks the words of a text that speak for a picture. Knows texts and shares only. */

import { el } from "./dom.js";

const STEPS = 3; // how strong a mark can be
const LEAST = 0.2; // share of the strongest word below which a word is not marked
const MOST = 8; // words that are marked
const LETTER = /[\p{L}\p{N}\p{M}]/u;
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u;

/**
 * The text with its telling words marked.
 * @param {string} text
 * @param {{word: string, share: number}[]} words normalised words with what they add
 * @returns {Array} strings and marks
 */
export function marked(text, words) {
  const pieces = [];
  let at = 0;
  for (const { start, end, step } of spans(text, words)) {
    if (start < at) continue;
    pieces.push(text.slice(at, start));
    pieces.push(el("mark", { data: { step } }, text.slice(start, end)));
    at = end;
  }
  return [...pieces, text.slice(at)];
}

/** Where telling words stand in a text, in order; each with a step from 1 to 3. */
export function spans(text, words) {
  const most = Math.max(0, ...words.map((one) => one.share));
  const telling = words
    .filter((one) => one.share > most * LEAST && one.word.trim() !== "")
    .sort((a, b) => b.share - a.share)
    .slice(0, MOST);
  const lower = text.toLowerCase();
  if (lower.length !== text.length) return []; // lower case has another length: no sure places
  const found = telling.flatMap(({ word, share }) =>
    places(lower, word.toLowerCase()).map((start) => ({
      start,
      end: start + word.length,
      step: Math.max(1, Math.ceil((share / most) * STEPS)),
    })),
  );
  return found.sort((a, b) => a.start - b.start || b.end - a.end);
}

function places(text, word) {
  const found = [];
  let at = text.indexOf(word);
  while (at >= 0) {
    if (isWhole(text, at, at + word.length)) found.push(at);
    at = text.indexOf(word, at + word.length);
  }
  return found;
}

/** Whether no letter stands beside a word; scripts without spaces have no such borders. */
function isWhole(text, start, end) {
  if (UNSPACED.test(text.slice(start, end))) return true;
  return !LETTER.test(text[start - 1] ?? " ") && !LETTER.test(text[end] ?? " ");
}
