/** Adds pictures by drop or by a dialog: what goes with them, progress, and what was left out. */

import { Problem, upload } from "./api.js";
import { may } from "./deciding.js";
import { button, openDialog } from "./dialogs.js";
import { el, freshId, put } from "./dom.js";
import { follow } from "./events.js";
import { forgetSample } from "./facets.js";
import { columnName } from "./filters.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";
import { rejections } from "./rejected.js";
import { reasonOf } from "./toasts.js";

const FIELDS = ["credit", "licence", "tags"];
const MEGABYTE = 1e6; // bytes

/** A button that opens the dialog. */
export function uploadButton(desk, done) {
  return button(t("upload"), () => uploadDialog([], desk, done), { look: "primary", image: "upload" });
}

/** Files that are dropped on `root` open the dialog with them; returns what ends it. */
export function takeDrops(root, desk, done) {
  const withFiles = (event) => event.dataTransfer?.types.includes("Files") && may(desk, "editor");
  const over = (event) => {
    if (!withFiles(event)) return;
    event.preventDefault();
    root.classList.add("dropping");
  };
  const out = (event) => !root.contains(event.relatedTarget) && root.classList.remove("dropping");
  const drop = (event) => {
    root.classList.remove("dropping");
    if (!withFiles(event)) return;
    event.preventDefault();
    uploadDialog([...event.dataTransfer.files], desk, done);
  };
  const heard = { dragover: over, dragleave: out, drop };
  for (const [name, act] of Object.entries(heard)) root.addEventListener(name, act);
  return () => {
    for (const [name, act] of Object.entries(heard)) root.removeEventListener(name, act);
  };
}

function uploadDialog(files, desk, done) {
  const stop = new AbortController();
  const given = {};
  openDialog({ title: t("upload.title"), kind: "form", closed: () => stop.abort() }, (close) => {
    const pane = el("div", { class: "upload" });
    choose(pane, [...files], given, { close, done, stop });
    return pane;
  });
}

function choose(pane, files, given, parts) {
  const draw = () => choose(pane, files, given, parts);
  const add = (more) => {
    files.push(...more);
    draw();
  };
  const send = (event) => {
    event.preventDefault();
    if (files.length > 0) transfer(pane, files, given, parts);
  };
  const start = { class: "button primary", type: "submit", disabled: files.length === 0 };
  put(
    pane,
    el(
      "form",
      { on: { submit: send } },
      dropZone(files, add),
      el("div", { class: "edit-fields" }, FIELDS.map((column) => field(column, given))),
      el(
        "footer",
        { class: "dialog-foot" },
        button(t("cancel"), parts.close),
        el("button", start, t("upload.start", { count: files.length })),
      ),
    ),
  );
}

function dropZone(files, add) {
  const id = freshId("files");
  const input = { id, type: "file", multiple: true, accept: "image/*", class: "hidden" };
  const picked = (event) => add(event.target.files);
  const size = files.reduce((sum, file) => sum + file.size, 0) / MEGABYTE;
  const words = files.length > 0 ? t("upload.files", { count: files.length, size: size.toFixed(1) }) : t("upload.drop");
  const zone = el(
    "div",
    { class: "zone" },
    icon("upload"),
    el("p", {}, words),
    el("input", { ...input, on: { change: picked } }),
    el("label", { for: id, class: "button" }, t("upload.choose")),
  );
  zone.addEventListener("dragover", (event) => event.preventDefault());
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    add(event.dataTransfer.files);
  });
  return zone;
}

function field(column, given) {
  const id = freshId("upload");
  const keep = (event) => {
    given[column] = event.target.value;
  };
  const box = { id, type: "text", value: given[column] ?? "", on: { input: keep } };
  const hint = column === "tags" ? t("edit.tags") : null;
  return el(
    "p",
    { class: "field" },
    el("label", { for: id }, columnName(column)),
    el("input", { ...box, placeholder: hint }),
  );
}

async function transfer(pane, files, given, { close, done, stop }) {
  const bar = progressBar();
  const cancel = button(t("cancel"), close);
  put(pane, bar.root, el("footer", { class: "dialog-foot" }, cancel));
  cancel.focus();
  try {
    const form = formOf(files, given);
    const sent = (loaded, total) => bar.show(t("upload.sending"), loaded, total);
    const answer = await upload("/pictures", form, sent, stop.signal);
    const result = answer.job ? await finished(answer.job, bar, stop.signal) : answer;
    forgetSample();
    done();
    put(pane, outcome(result, close));
    pane.querySelector(".button").focus();
  } catch (problem) {
    if (problem.name === "AbortError") return;
    const words = el("p", { class: "form-note", role: "alert" }, `${reasonOf(problem)} ${problem.cure ?? ""}`);
    put(pane, words, el("footer", { class: "dialog-foot" }, button(t("close"), close)));
  }
}

function formOf(files, given) {
  const metadata = {};
  for (const column of FIELDS) {
    const value = (given[column] ?? "").trim();
    if (value) metadata[column] = column === "tags" ? value.split(/[,;]\s*/).filter(Boolean) : value;
  }
  const form = new FormData();
  for (const file of files) form.append("files", file, file.name);
  form.append("metadata", JSON.stringify(metadata));
  return form;
}

/** Follows the job that reads many pictures; its result is that of a small upload. */
async function finished(job, bar, signal) {
  const id = job.id ?? job;
  const end = await follow(id, ({ done, total, what }) => bar.show(what, done, total), signal);
  if (end.result) return end.result;
  throw new Problem(0, end.problem?.detail ?? t("job.failed"), end.problem?.cure);
}

/** A bar with words: how much of something is done. */
export function progressBar() {
  const words = el("p", { role: "status" }, t("loading"));
  const bar = el("progress", { "aria-label": t("progress"), max: 1 });
  return {
    root: el("div", { class: "progress" }, words, bar),
    show(what, done, total) {
      words.textContent = what;
      if (total > 0) bar.value = done / total;
      else bar.removeAttribute("value");
    },
  };
}

function outcome(result, close) {
  const left = result.rejections ?? [];
  const added = result.pictures?.length ?? result.added ?? 0;
  return [
    el("p", { class: "dialog-text", role: "status" }, t("upload.done", { count: added })),
    left.length > 0 && el("h3", {}, t("upload.left", { count: left.length })),
    left.length > 0 && rejections(left),
    el("footer", { class: "dialog-foot" }, button(t("close"), close, { look: "primary" })),
  ];
}
