/** Edits the metadata of one picture or of many at once. */

import { call } from "./api.js";
import { button, openDialog } from "./dialogs.js";
import { el, freshId, put } from "./dom.js";
import { fieldOf, forgetSample } from "./facets.js";
import { columnName } from "./filters.js";
import { t } from "./i18n.js";
import { reasonOf, tell } from "./toasts.js";

const FIXED = ["caption", "credit", "licence", "date", "tags", "expiry", "embargo", "territory", "max_uses"];
const OF_THE_FILE = ["width", "height", "format", "orientation", "colour", "colours", "shows"];
const NOT_HERE = ["uri", "key", "names", "uses", "last_used", "missing"];
const DATES = new Set(["date", "expiry", "embargo"]);

/**
 * Opens the form.
 * @param {Object[]} pictures
 * @param {Object} desk
 * @param {(picture: Object) => void} changed called with each picture as it is afterwards
 */
export function editPictures(pictures, desk, changed) {
  const columns = editable(desk);
  const touched = new Map(); // column → value
  const title = pictures.length === 1 ? t("edit.one") : t("edit.many", { count: pictures.length });
  const note = el("p", { class: "form-note", role: "alert" });
  const dialog = openDialog({ title, kind: "form" }, (close) => {
    const save = async (event) => {
      event.preventDefault();
      await store(pictures, touched, changed, close, note);
    };
    return el(
      "form",
      { class: "edit-form", on: { submit: save } },
      pictures.length > 1 && el("p", { class: "dialog-text quiet" }, t("edit.hint")),
      el("div", { class: "edit-fields" }, columns.map((one) => field(one, pictures, desk, touched))),
      note,
      el(
        "footer",
        { class: "dialog-foot" },
        button(t("cancel"), close),
        el("button", { class: "button primary", type: "submit" }, t("save")),
      ),
    );
  });
  dialog.querySelector("input, textarea")?.focus();
}

/** Columns that users may set: those that say something, less what files say of themselves. */
function editable(desk) {
  const out = new Set([...FIXED, ...OF_THE_FILE, ...NOT_HERE]);
  return [...FIXED, ...Object.keys(desk.columns).filter((column) => !out.has(column))];
}

function typeOf(column, desk) {
  if (DATES.has(column)) return "date";
  return desk.columns[column]?.type ?? "text";
}

function field(column, pictures, desk, touched) {
  const type = typeOf(column, desk);
  const id = freshId("edit");
  const value = common(column, pictures);
  const keep = (event) => touched.set(column, parsed(event.target, type));
  const attributes = {
    id,
    value: shown(value, type),
    placeholder: value === null ? t("edit.several") : hint(type),
    on: { input: keep },
  };
  const box =
    column === "caption"
      ? el("textarea", { ...attributes, rows: 2 })
      : el("input", { ...attributes, type: type === "number" ? "number" : "text", step: "any" });
  const check = type === "boolean" && truth(id, value, (next) => touched.set(column, next));
  return el(
    "p",
    { class: column === "caption" || column === "tags" ? "field wide" : "field" },
    el("label", { for: id }, columnName(column)),
    check || box,
  );
}

function truth(id, value, keep) {
  const option = (name, words) => el("option", { value: name }, words);
  const pick = (event) => keep(event.target.value === "" ? null : event.target.value === "yes");
  const select = el("select", { id, on: { change: pick } }, option("", "–"), option("yes", t("yes")), option("no", t("no")));
  select.value = value === null || value === undefined ? "" : value ? "yes" : "no";
  return select;
}

/** The value that all pictures have; null if they differ. */
function common(column, pictures) {
  const values = new Set(pictures.map((one) => JSON.stringify(fieldOf(one, column) ?? "")));
  return values.size === 1 ? JSON.parse([...values][0]) : null;
}

function shown(value, type) {
  if (value === null || (value === 0 && type === "number")) return "";
  return Array.isArray(value) ? value.join(", ") : String(value);
}

function hint(type) {
  return { date: "2026-01-31", tags: t("edit.tags") }[type] ?? "";
}

function parsed(box, type) {
  const text = box.value.trim();
  if (type === "tags") return text.split(/[,;]/).map((one) => one.trim()).filter(Boolean);
  if (type === "number") return text === "" ? null : Number(text);
  return text;
}

/** New values by the names of columns; null empties one. */
function changesOf(touched) {
  const isEmpty = (value) => value === "" || value === null || value.length === 0;
  return Object.fromEntries(
    [...touched].map(([column, value]) => [column, isEmpty(value) ? null : value]),
  );
}

async function store(pictures, touched, changed, close, note) {
  if (touched.size === 0) {
    close();
    return;
  }
  try {
    const keys = pictures.map((one) => one.key);
    const json = { keys, changes: changesOf(touched) };
    const answer = await call("POST", "/pictures/edit", { json });
    forgetSample();
    close();
    answer.pictures.forEach(changed);
    tell(t("edit.done", { count: keys.length }));
  } catch (problem) {
    put(note, `${reasonOf(problem)} ${problem.cure ?? ""}`);
  }
}
