/** The first view: the story on the left, pictures for it on the right. */

import { asker, droppedPicture, isPlain } from "./asking.js";
import { button, popover } from "./dialogs.js";
import { onDecision } from "./deciding.js";
import { showing } from "./detail.js";
import { debounced, el, put } from "./dom.js";
import { suggestionGrid } from "./grid.js";
import { samplePictures } from "./facets.js";
import { columnName, filterBar } from "./filters.js";
import { sentence } from "./doubts.js";
import { known, t } from "./i18n.js";
import { icon } from "./icons.js";
import { bind } from "./keys.js";
import { goToPicture } from "./routing.js";
import { passages } from "./passages.js";
import { change, listen, state } from "./store.js";
import { storyPane } from "./story.js";
import { reasonOf } from "./toasts.js";

const STEP = 12; // pictures that "more" adds
const MOST = 96;
const PATIENCE = 150; // milliseconds without an answer before boxes are shown
const EXAMPLES = 3;

/** Shows the view in `main`; returns what closes it. */
export function openWrite(main, desk) {
  const grid = suggestionGrid((suggestion) => goToPicture(suggestion.picture.key), toText);
  const story = storyPane(() => focusPictures(grid));
  const pane = resultPane(desk, grid);
  const ask = asker(desk, listenerOf(pane, grid));
  pane.ask = ask;
  for (const place of [story.root, pane.root]) story.takeDrops(place);
  put(main, el("h1", { class: "hidden" }, t("view.write")), story.root, pane.root);
  const unlisten = [
    story.close,
    listen(["text"], ask.soon),
    listen(["filters"], pane.bar.draw),
    listen(["like", "unlike", "keywords", "route", "filters", "passages", "slots", "dropped"], ask.now),
    bind({ Escape: toText }),
    onDecision(ask.now),
  ];
  ask.now();
  return () => {
    ask.stop();
    for (const end of unlisten) end();
  };
}

function toText() {
  document.querySelector(".story textarea")?.focus();
}

function focusPictures(grid) {
  const first = document.querySelector(".passages button.shot");
  if (first) first.focus();
  else grid.focus();
}

function resultPane(desk, grid) {
  const answer = el("p", { class: "answer", role: "status", "aria-live": "polite" });
  const body = el("div", { class: "found-body" });
  const more = button(t("more"), () => pane.ask.more(Math.min(MOST, pane.ask.most() + STEP)));
  const foot = el("div", { class: "found-foot" }, more);
  foot.hidden = true;
  const bar = filterBar(desk.columns, () => state.filters, (filters) => change({ filters }));
  const head = el("div", { class: "found-head" }, bar.root, routeSwitch(desk));
  const root = el("section", { class: "found", "aria-label": t("found.label") }, head, answer, body, foot);
  const pane = { root, bar, answer, body, foot, ask: null };
  return pane;
}

/** The switch between routes, for the curious. */
function routeSwitch(desk) {
  const box = el("span", { class: "route" });
  const draw = () => {
    const route = desk.routes.includes(state.route) ? state.route : desk.default_route;
    const look = route === desk.default_route ? "chip" : "chip on";
    const label = `${t("route")}: ${routeName(route)}`;
    const attributes = { type: "button", class: look, "aria-label": label, title: t("route.hint") };
    const opener = el("button", attributes, icon("route"), el("span", {}, routeName(route)), icon("down"));
    const pick = (one) => {
      change({ route: one === desk.default_route ? "" : one });
      draw();
      box.querySelector("button").focus();
    };
    put(box, popover(opener, t("route"), (close) => routeMenu(desk, route, pick, close)));
  };
  draw();
  return box;
}

function routeMenu(desk, current, pick, close) {
  const item = (route) => {
    const act = () => {
      close();
      pick(route);
    };
    const pressed = String(route === current);
    const words = [el("span", {}, routeName(route)), icon("check")];
    return el("li", {}, el("button", { type: "button", "aria-pressed": pressed, on: { click: act } }, words));
  };
  return el("ul", { class: "menu" }, desk.routes.map(item));
}

function routeName(route) {
  return known(`route.${route}`) || route;
}

function listenerOf(pane, grid) {
  const patience = debounced(() => {
    if (state.passages || pane.body.firstChild === grid.list) return; // what is there stays
    put(pane.body, grid.list);
    grid.wait();
  }, PATIENCE);
  return {
    wait: () => {
      pane.root.setAttribute("aria-busy", "true");
      patience();
    },
    answer: (answer) => {
      settle(pane, patience);
      if (answer.slots) showPassages(pane, answer.slots);
      else showSuggestions(pane, grid, answer);
    },
    fail: (problem) => {
      settle(pane, patience);
      grid.clear();
      showing([]);
      put(pane.answer, "");
      pane.foot.hidden = true;
      put(pane.body, failure(problem, pane.ask.now));
    },
    nothing: () => {
      settle(pane, patience);
      grid.clear();
      showing([]);
      put(pane.answer, "");
      pane.foot.hidden = true;
      put(pane.body, invitation());
    },
  };
}

function settle(pane, patience) {
  patience.stop();
  pane.root.removeAttribute("aria-busy");
}

function showSuggestions(pane, grid, answer) {
  showing(answer.suggestions);
  put(pane.answer, sentence(answer));
  const few = answer.suggestions.length < pane.ask.most();
  pane.foot.hidden = few || pane.ask.most() >= MOST;
  if (answer.suggestions.length === 0) {
    grid.clear();
    put(pane.body, noneLeft());
    return;
  }
  if (pane.body.firstChild !== grid.list) put(pane.body, grid.list);
  grid.show(answer.suggestions);
}

function showPassages(pane, slots) {
  showing(slots.flatMap((slot) => slot.suggestions));
  put(pane.answer, t("passages.count", { count: slots.length }));
  pane.foot.hidden = true;
  put(pane.body, passages(slots, (suggestion) => goToPicture(suggestion.picture.key)));
}

function failure(problem, again) {
  const unknown = problem.status >= 400 && problem.status < 500;
  return el(
    "div",
    { class: "empty" },
    el("h2", {}, t(unknown ? "error.question" : "error.title")),
    el("p", {}, reasonOf(problem)),
    problem.cure && el("p", { class: "quiet" }, problem.cure),
    !unknown && button(t("again"), again),
  );
}

function noneLeft() {
  const filters = Object.keys(state.filters).map(columnName).join(", ");
  return el(
    "div",
    { class: "empty" },
    el("h2", {}, t("none.title")),
    el("p", {}, filters ? t("none.filters", { filters }) : t("none.words")),
    filters && button(t("filters.clear"), () => change({ filters: {} })),
  );
}

/** What is shown before anything is written: what one can do, and sentences to try. */
function invitation() {
  const tries = el("div", { class: "tries" });
  if (!droppedPicture() && !isPlain()) {
    samplePictures().then((pictures) => put(tries, examples(pictures)), () => {});
  }
  return el(
    "div",
    { class: "empty invitation" },
    el("div", { class: "frames", "aria-hidden": "true" }, [1, 2, 3, 4, 5].map(() => el("i"))),
    el("h2", {}, t("start.title")),
    el("p", {}, t("start.words")),
    tries,
  );
}

function examples(pictures) {
  const captions = [...new Set(pictures.map((one) => one.caption).filter((one) => one.length > 12))];
  const step = Math.max(1, Math.floor(captions.length / EXAMPLES));
  const chosen = captions.filter((_, place) => place % step === 0).slice(0, EXAMPLES);
  if (chosen.length === 0) return [];
  const attempt = (text) => {
    const act = () => {
      change({ text });
      toText();
    };
    return el("button", { type: "button", class: "chip", on: { click: act } }, text);
  };
  return [el("span", { class: "quiet" }, t("start.try")), chosen.map(attempt)];
}

