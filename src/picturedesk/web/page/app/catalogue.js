/** The second view: all pictures of the desk, to find, select, edit, add and remove. */

import { call } from "./api.js";
import { pictureCell } from "./cells.js";
import { allOf, conditionOf, expiredCondition } from "./conditions.js";
import { may } from "./deciding.js";
import { showing } from "./detail.js";
import { button, confirmed, iconButton } from "./dialogs.js";
import { debounced, el, freshId, put } from "./dom.js";
import { editPictures } from "./editing.js";
import { forgetSample } from "./facets.js";
import { columnName, filterBar } from "./filters.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";
import { bind } from "./keys.js";
import { pictureList } from "./paging.js";
import { rejectedList } from "./rejected.js";
import { goToPicture, placed } from "./routing.js";
import { change, state } from "./store.js";
import { reasonOf, tell, tellProblem } from "./toasts.js";
import { takeDrops, uploadButton } from "./uploading.js";
import { instead, virtualGrid } from "./virtual.js";

const PARTS = ["all", "missing", "expired", "rejected"];
const SORTS = ["uri", "-date", "date", "caption", "-last_used", "-uses", "licence"];
const WAIT = 180; // milliseconds without a key before the catalogue is searched

/** Shows the view in `main`; returns what closes it. */
export function openCatalogue(main, desk, part) {
  const view = { desk, part: partOf(part), selected: new Map(), anchor: 0, list: null };
  view.root = el("section", { class: "catalogue", "aria-label": t("view.catalogue") });
  view.grid = virtualGrid({
    make: () => pictureCell(openerOf(view), (place, event) => pick(view, place, event)),
    bind: (cell, place) => cell.bind(view.list?.pictures[place], view.selected),
    dress: (cell, place, width) => dress(view, cell, place, width),
    label: t("view.catalogue"),
    moved: (place, event) => event.shiftKey && extend(view, place),
  });
  view.grid.root.addEventListener("keydown", (event) => onKey(view, event));
  build(view);
  put(main, el("h1", { class: "hidden" }, t("view.catalogue")), view.root);
  const onPart = (event) => toPart(view, partOf(event.detail));
  addEventListener("picturedesk:part", onPart);
  const undrop = takeDrops(view.root, desk, () => reload(view));
  const unbind = bind({ e: () => edit(view) });
  reload(view);
  return () => {
    removeEventListener("picturedesk:part", onPart);
    view.list?.stop();
    undrop();
    unbind();
  };
}

function partOf(part) {
  return PARTS.includes(part) ? part : PARTS[0];
}

function openerOf(view) {
  return (picture) => {
    showing(view.list.pictures.slice(0, 1000).map(asSuggestion));
    goToPicture(picture.key);
  };
}

/** A picture in the form of a suggestion, without match and chance. */
function asSuggestion(picture) {
  return { picture, match: "", found: null, others: 0, other_keys: [], evidence: [], score: 0 };
}

function build(view) {
  const { desk } = view;
  view.tabs = el("nav", { class: "parts", "aria-label": t("parts") });
  view.bar = filterBar(
    desk.columns,
    () => state.catalogue.filters,
    (filters) => ask(view, { filters }),
  );
  view.count = el("p", { class: "count", role: "status" });
  view.selection = el("div", { class: "selection" });
  view.body = el("div", { class: "catalogue-body" });
  put(
    view.root,
    el(
      "div",
      { class: "catalogue-head" },
      el("div", { class: "catalogue-row" }, searchField(view), sortSelect(view), uploads(view)),
      el("div", { class: "catalogue-row" }, view.tabs, view.bar.root, view.count),
    ),
    view.body,
    view.selection,
  );
}

function uploads(view) {
  return may(view.desk, "editor") && uploadButton(view.desk, () => reload(view));
}

function searchField(view) {
  const search = debounced(() => ask(view, { words: field.value }), WAIT);
  const id = freshId("search");
  const field = el("input", {
    id,
    type: "search",
    placeholder: t("search.placeholder"),
    "aria-label": t("search"),
    data: { field: "" },
    value: state.catalogue.words,
    on: { input: search, keydown: (event) => event.key === "ArrowDown" && view.grid.focus() },
  });
  return el("div", { class: "search" }, icon("search"), field);
}

function sortSelect(view) {
  const option = (sort) => {
    const name = columnName(sort.replace("-", ""));
    return el("option", { value: sort }, sort.startsWith("-") ? t("sort.down", { name }) : name);
  };
  const pickSort = (event) => ask(view, { sort: event.target.value });
  const select = el("select", { "aria-label": t("sort"), on: { change: pickSort } }, SORTS.map(option));
  select.value = state.catalogue.sort;
  view.sort = select;
  return el("span", { class: "select" }, select, icon("down"));
}

function drawTabs(view) {
  const link = (part) =>
    el(
      "a",
      { href: placed("catalogue", part), "aria-current": part === view.part ? "true" : null },
      t(`part.${part}`),
    );
  put(view.tabs, PARTS.map(link));
}

function ask(view, changes) {
  change({ catalogue: { ...state.catalogue, ...changes } });
  reload(view);
}

function toPart(view, part) {
  if (part === view.part) return;
  view.part = part;
  reload(view);
}

/** Asks again from the first page on. */
function reload(view) {
  drawTabs(view);
  view.list?.stop();
  select(view, []);
  const rejects = view.part === "rejected";
  view.bar.root.hidden = rejects;
  view.sort.disabled = rejects || state.catalogue.words !== "";
  if (rejects) {
    put(view.count, "");
    put(view.body, rejectedList());
    return;
  }
  const query = { where: condition(view), sort: state.catalogue.sort, q: state.catalogue.words.trim() };
  view.list = pictureList(query, { grown: () => grown(view), failed: (problem) => fail(view, problem) });
  view.grid.toTop();
  put(view.body, view.grid.root);
  instead(view.grid.root);
  if (view.grid.known === undefined) view.grid.setCount(view.desk.pictures);
  view.list.need(0);
}

function condition(view) {
  const own = { missing: "missing = 1", expired: expiredCondition() }[view.part] ?? "";
  return allOf(own, conditionOf(state.catalogue.filters, view.desk.columns));
}

function grown(view) {
  const total = view.list.total();
  view.grid.known = total;
  view.grid.setCount(total);
  put(view.count, t("pictures", { count: total }));
  instead(view.grid.root, ...(total === 0 ? nothing(view) : []));
}

function nothing(view) {
  const searched = state.catalogue.words !== "" || Object.keys(state.catalogue.filters).length > 0;
  return [
    el("h2", {}, t(searched ? "none.title" : `empty.${view.part}`)),
    el("p", {}, t(searched ? "empty.search" : `empty.${view.part}.words`)),
  ];
}

function fail(view, problem) {
  view.grid.setCount(0);
  put(view.count, "");
  const again = button(t("again"), () => reload(view));
  instead(view.grid.root, el("h2", {}, t("error.title")), el("p", {}, reasonOf(problem)), again);
}

function dress(view, cell, place, width) {
  const picture = view.list?.pictures[place];
  if (!picture) view.list?.need(place);
  cell.dress(picture, width);
}

/** A click selects one more or one less; with Shift all between the last one and this. */
function pick(view, place, event) {
  if (event.shiftKey) {
    extend(view, place);
    return;
  }
  const picture = view.list.pictures[place];
  if (!picture) return;
  view.anchor = place;
  const rest = [...view.selected.values()].filter((one) => one.key !== picture.key);
  select(view, view.selected.has(picture.key) ? rest : [...rest, picture]);
}

function extend(view, place) {
  const [low, high] = [Math.min(view.anchor, place), Math.max(view.anchor, place)];
  const between = view.list.pictures.slice(low, high + 1);
  select(view, [...view.selected.values(), ...between]);
}

function onKey(view, event) {
  if (event.key === "Escape" && view.selected.size > 0) {
    event.preventDefault();
    select(view, []);
  }
  if (event.key === "a" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    selectAll(view);
  }
}

async function selectAll(view) {
  const { list } = view;
  await list.need(Infinity);
  if (list === view.list) select(view, list.pictures);
}

function select(view, pictures) {
  view.selected = new Map(pictures.map((one) => [one.key, one]));
  view.grid.refresh();
  drawSelection(view);
}

function drawSelection(view) {
  const count = view.selected.size;
  view.selection.hidden = count === 0;
  if (count === 0) {
    put(view.selection);
    return;
  }
  const edits = may(view.desk, "editor");
  put(
    view.selection,
    el("span", { role: "status" }, t("selected", { count })),
    edits && button(t("edit"), () => edit(view), { look: "primary", image: "edit" }),
    edits && button(t("remove"), () => remove(view), { image: "trash" }),
    button(t("select.all"), () => selectAll(view)),
    iconButton("close", t("select.none"), () => select(view, [])),
  );
}

function edit(view) {
  if (view.selected.size === 0) return false;
  editPictures([...view.selected.values()], view.desk, (changed) => {
    view.list.replace(changed);
    view.selected.delete(changed.key);
    view.grid.refresh();
    drawSelection(view);
  });
  return true;
}

async function remove(view) {
  const keys = [...view.selected.keys()];
  const words = t("remove.words", { count: keys.length });
  if (!(await confirmed(t("remove.title"), words, t("remove")))) return;
  try {
    await call("POST", "/pictures/remove", { json: { keys } });
    forgetSample();
    tell(t("remove.done", { count: keys.length }));
    reload(view);
  } catch (problem) {
    tellProblem(problem);
  }
}

