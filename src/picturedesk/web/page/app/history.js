/** The fourth view: what editors chose, the fits of the desk, and the way back to an older one. */

import { Problem, call } from "./api.js";
import { picturePart } from "./audit.js";
import { may, onDecision, undo } from "./deciding.js";
import { button, confirmed } from "./dialogs.js";
import { el, put } from "./dom.js";
import { follow } from "./events.js";
import { moment, number, percent, t } from "./i18n.js";
import { icon } from "./icons.js";
import { reasonOf, tell, tellProblem } from "./toasts.js";
import { progressBar } from "./uploading.js";

const PAGE = 1000; // choices, the most that the server gives
const STEP = 50; // of which so many are shown at a time
const SIDE = 64; // pixels
const LONG = 240; // signs of a story that are shown

/** Shows the view in `main`; returns what closes it. */
export function openHistory(main, desk) {
  const stop = new AbortController();
  const view = {
    desk,
    signal: stop.signal,
    versions: el("section", { class: "versions", "aria-label": t("versions") }),
    choices: el("section", { class: "choices", "aria-label": t("choices") }),
  };
  const sheet = el("div", { class: "sheet two" }, view.choices, view.versions);
  put(main, el("h1", { class: "hidden" }, t("view.history")), el("div", { class: "scroller" }, sheet));
  loadVersions(view);
  loadChoices(view);
  const off = onDecision(() => loadChoices(view));
  return () => {
    off();
    stop.abort();
  };
}

async function load(view, place, path, query, draw) {
  if (!place.firstChild) put(place, el("div", { class: "skeleton rows" }, [1, 2, 3].map(() => el("i"))));
  try {
    const answer = await call("GET", path, { query, signal: view.signal });
    put(place, await draw(answer));
  } catch (problem) {
    if (problem.name === "AbortError") return;
    const again = () => load(view, place, path, query, draw);
    put(place, el("p", {}, reasonOf(problem)), button(t("again"), again));
  }
}

function loadChoices(view) {
  return load(view, view.choices, "/choices", { limit: PAGE, newest: true }, ({ choices }) => [
    el("h2", {}, t("choices")),
    el("p", { class: "quiet" }, t("choices.words")),
    choices.length > 0 ? choiceList(choices, view) : el("p", { class: "none" }, t("choices.none")),
  ]);
}

function choiceList(choices, view) {
  const list = el("ol", { class: "choice-list" });
  const more = button(t("more"), () => grow());
  const grow = () => {
    const shown = list.childElementCount;
    list.append(...choices.slice(shown, shown + STEP).map((one) => choiceItem(one, view)));
    more.hidden = list.childElementCount >= choices.length;
  };
  grow();
  return [list, more];
}

function choiceItem(choice, view) {
  const { number: place, text, time, who, undone, rejected } = choice;
  const facts = [
    t("choices.number", { number: place }),
    moment(time),
    who,
    rejected.length > 0 && t("choices.rejected", { count: rejected.length }),
  ];
  const back = () => undo(place).then(() => view.choices.querySelector("button")?.focus());
  return el(
    "li",
    { class: undone ? "undone" : "" },
    picturePart({ key: choice.picture, uri: choice.picture, caption: "", columns: { width: 4, height: 3 } }, SIDE),
    el(
      "div",
      {},
      el("p", { class: "story-text" }, text.length > LONG ? `${text.slice(0, LONG)}…` : text),
      el("p", { class: "quiet" }, facts.filter(Boolean).join(" · ")),
    ),
    undone
      ? el("span", { class: "tag plain" }, t("choices.undone"))
      : may(view.desk, "editor") && button(t("undo"), back, { look: "quiet", image: "undo" }),
  );
}

function loadVersions(view) {
  return load(view, view.versions, "/versions", {}, ({ versions }) => [
    el("h2", {}, t("versions")),
    el("p", { class: "quiet" }, t("versions.words")),
    may(view.desk, "admin") && refitPart(view),
    el("ol", { class: "version-list" }, [...versions].reverse().map((one) => versionItem(one, view))),
  ]);
}

function versionItem(version, view) {
  const { number: place, made, texts, pictures, choices, recall, current } = version;
  const facts = [
    t("texts", { count: texts }),
    t("pictures", { count: pictures }),
    t("choices.count", { count: choices }),
    recall !== null && t("versions.recall", { recall: percent(recall) }),
  ];
  return el(
    "li",
    { class: current ? "current" : "" },
    el(
      "div",
      {},
      el("strong", {}, t("versions.one", { number: number(place) })),
      el("p", { class: "quiet" }, moment(made)),
      el("p", { class: "quiet" }, facts.filter(Boolean).join(" · ")),
    ),
    current
      ? el("span", { class: "tag match strong" }, icon("check"), el("span", {}, t("versions.current")))
      : may(view.desk, "admin") && button(t("rollback"), () => rollback(version, view), { image: "undo" }),
  );
}

async function rollback(version, view) {
  const title = t("rollback.title", { number: version.number });
  if (!(await confirmed(title, t("rollback.words"), t("rollback")))) return;
  try {
    await call("POST", `/versions/${version.number}/rollback`);
    tell(t("rollback.done", { number: version.number }));
    loadVersions(view);
  } catch (problem) {
    tellProblem(problem);
  }
}

/** The button that fits the desk again, and how far that is. */
function refitPart(view) {
  const place = el("div", { class: "refit" });
  const start = button(t("refit"), () => refit(place, view), { look: "primary" });
  return put(place, start, el("span", { class: "quiet" }, t("refit.words")));
}

async function refit(place, view) {
  const bar = progressBar();
  put(place, bar.root);
  try {
    const { job } = await call("POST", "/refit", { signal: view.signal });
    const id = job.id ?? job;
    const stop = button(t("cancel"), () => call("DELETE", `/jobs/${id}`).catch(tellProblem));
    place.append(stop);
    const end = await follow(id, ({ done, total, what }) => bar.show(what, done, total), view.signal);
    if (end.state === "failed") throw new Problem(0, end.problem?.detail ?? "", end.problem?.cure);
    tell(t(end.state === "done" ? "refit.done" : "refit.stopped"));
  } catch (problem) {
    tellProblem(problem);
  }
  if (!view.signal.aborted) loadVersions(view);
}
