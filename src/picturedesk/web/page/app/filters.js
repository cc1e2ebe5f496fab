/** Filters as chips: the usual ones always in sight, every other column behind "more". */

import { isSet } from "./conditions.js";
import { button, popover } from "./dialogs.js";
import { el, freshId, put } from "./dom.js";
import { valuesOf } from "./facets.js";
import { day, known, number, t } from "./i18n.js";
import { icon } from "./icons.js";

const USUAL = ["licence", "orientation", "date", "tags", "last_used"];
const HIDDEN = new Set(["uri", "key", "caption", "names", "expiry", "embargo"]);

/**
 * A bar of filters.
 * @param {Object} columns of the desk
 * @param {() => Object} read the present filters
 * @param {(filters: Object) => void} write the changed ones
 * @returns {{root: HTMLElement, draw: () => void}}
 */
export function filterBar(columns, read, write) {
  const bar = el("div", { class: "filters", role: "group", "aria-label": t("filters") });
  const setOne = (column, filter) => {
    const next = { ...read() };
    if (isSet(filter)) next[column] = filter;
    else delete next[column];
    write(next);
    draw();
    bar.querySelector(`[data-column="${CSS.escape(column)}"]`)?.focus();
  };
  const draw = () => {
    const filters = read();
    const shown = [...usual(columns), ...Object.keys(filters)];
    const chips = [...new Set(shown)].filter((column) => column in columns);
    const others = Object.keys(columns).filter((one) => offered(columns, one, chips));
    put(
      bar,
      chips.map((column) => chip(column, columns[column].type, filters[column], setOne)),
      others.length > 0 && more(others, columns, setOne),
      Object.keys(filters).length > 0 &&
        button(t("filters.clear"), () => (write({}), draw()), { look: "link" }),
    );
  };
  draw();
  return { root: bar, draw };
}

function usual(columns) {
  return USUAL.filter((column) => columns[column]);
}

function offered(columns, column, chips) {
  return !HIDDEN.has(column) && !chips.includes(column) && columns[column].filled > 0;
}

/** The name of a column in the language of the page; own columns have their own. */
export function columnName(column) {
  return known(`column.${column}`) || column.replaceAll("_", " ");
}

/** A value of a column in the language of the page, if it is one of the usual values. */
export function valueName(column, value) {
  return known(`value.${column}.${value}`) || String(value);
}

function titleOf(column) {
  return column === "last_used" ? t("filters.notSince") : columnName(column);
}

function chip(column, type, filter, setOne) {
  const on = isSet(filter);
  const words = on ? `${titleOf(column)}: ${summary(column, type, filter)}` : titleOf(column);
  const opener = el(
    "button",
    { type: "button", class: on ? "chip on" : "chip", data: { column } },
    el("span", {}, words),
    icon("down"),
  );
  const form = (close) => fields(column, type, filter ?? {}, (next) => setOne(column, next), close);
  popover(opener, titleOf(column), form);
  if (!on) return opener;
  const off = { type: "button", class: "chip-off", "aria-label": t("filters.off", { words }) };
  const clear = el("button", { ...off, on: { click: () => setOne(column, {}) } }, icon("close"));
  return el("span", { class: "chip-pair" }, opener, clear);
}

function more(others, columns, setOne) {
  const opener = el("button", { type: "button", class: "chip" }, icon("add"), el("span", {}, t("filters.more")));
  return popover(opener, t("filters.more"), (close) => {
    const pane = el("div", {});
    const pick = (column) => () => {
      const act = (next) => setOne(column, next);
      put(pane, el("h3", {}, columnName(column)), fields(column, columns[column].type, {}, act, close));
      pane.querySelector("input, button")?.focus();
    };
    const item = (column) =>
      el("li", {}, el("button", { type: "button", on: { click: pick(column) } }, columnName(column)));
    return put(pane, el("ul", { class: "menu" }, others.map(item)));
  });
}

function summary(column, type, filter) {
  if ("before" in filter) return day(filter.before);
  if (type === "boolean") return t(filter.is ? "yes" : "no");
  if (type === "date") return span(filter.from, filter.to, day);
  if (type === "number") return span(filter.least, filter.most, (value) => number(Number(value)));
  const [first, ...rest] = filter.values;
  return valueName(column, first) + (rest.length > 0 ? ` +${rest.length}` : "");
}

function span(low, high, write) {
  if (low && high) return `${write(low)} – ${write(high)}`;
  return low ? `≥ ${write(low)}` : `≤ ${write(high)}`;
}

/** The form of one filter, by the type of its column. */
function fields(column, type, filter, act, close) {
  const given = { ...filter };
  const apply = (event) => {
    event.preventDefault();
    const { other, ...rest } = given;
    if (other) rest.values = [...new Set([...rest.values, other])];
    close();
    act(rest);
  };
  return el(
    "form",
    { class: "filter-form", on: { submit: apply } },
    inputs(column, type, given),
    el("button", { class: "button primary", type: "submit" }, t("apply")),
  );
}

function inputs(column, type, given) {
  if (column === "last_used") return field("date", t("filters.notSince"), given, "before");
  if (type === "boolean") return truth(given);
  if (type === "date") return pair("date", [t("from"), "from"], [t("to"), "to"], given);
  if (type === "number") return pair("number", [t("least"), "least"], [t("most"), "most"], given);
  return choices(column, given);
}

function field(type, label, given, name) {
  const id = freshId("filter");
  const keep = (event) => {
    given[name] = event.target.value;
  };
  const box = { id, type, value: given[name] ?? "", on: { input: keep } };
  return el("p", { class: "field" }, el("label", { for: id }, label), el("input", box));
}

function pair(type, [lowLabel, low], [highLabel, high], given) {
  return [field(type, lowLabel, given, low), field(type, highLabel, given, high)];
}

function truth(given) {
  const group = freshId("truth");
  const option = (value) => {
    const id = freshId("truth");
    const set = () => {
      given.is = value;
    };
    const box = { id, type: "radio", name: group, checked: given.is === value, on: { change: set } };
    return el("p", { class: "check" }, el("input", box), el("label", { for: id }, t(value ? "yes" : "no")));
  };
  return [option(true), option(false)];
}

/** Boxes for the values that pictures have, and a field for any other one. */
function choices(column, given) {
  given.values = [...(given.values ?? [])];
  const list = el("div", { class: "options", "aria-busy": "true" });
  const other = { type: "text", "aria-label": t("filters.other"), placeholder: t("filters.other") };
  const keep = (event) => {
    given.other = event.target.value.trim();
  };
  const show = (values) => {
    const all = [...new Set([...given.values, ...values])];
    put(list, all.map((value) => box(column, value, given)));
    list.removeAttribute("aria-busy");
  };
  valuesOf(column).then(show, () => show([]));
  return [list, el("input", { ...other, on: { input: keep } })];
}

function box(column, value, given) {
  const id = freshId("value");
  const set = (event) => {
    const rest = given.values.filter((one) => one !== value);
    given.values = event.target.checked ? [...rest, value] : rest;
  };
  const attributes = { id, type: "checkbox", checked: given.values.includes(value) };
  return el(
    "p",
    { class: "check" },
    el("input", { ...attributes, on: { change: set } }),
    el("label", { for: id }, valueName(column, value)),
  );
}
