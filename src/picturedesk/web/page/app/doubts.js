/** What an answer says of itself: the chance that it has the right picture, or its doubt. */

import { el } from "./dom.js";
import { chance, known, t } from "./i18n.js";
import { icon } from "./icons.js";

/** The chance that the right picture is there, or in one calm sentence why it may not be. */
export function sentence({ found, doubt }) {
  if (doubt) return doubtful(doubt, "span");
  if (found === null || found === undefined) return "";
  return t("found.words", { chance: chance(found) });
}

/** A doubt of the desk, in the language of the page where that has words for it. */
export function doubtful(doubt, tag = "p") {
  const words = t("doubt", { reason: known(`doubt.${doubt}`) || doubt });
  return el(tag, { class: "doubt" }, icon("warn"), el("span", {}, words));
}
