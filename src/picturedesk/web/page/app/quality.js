/** The third view: how good the desk is, how far its chances hold, and what the archive lacks. */

import { Problem, call } from "./api.js";
import { auditPart, coveragePart } from "./audit.js";
import { figure, plain, reliabilityDiagram, shareBar } from "./charts.js";
import { button } from "./dialogs.js";
import { debounced, el, put } from "./dom.js";
import { follow } from "./events.js";
import { known, number, percent, t } from "./i18n.js";
import { placed } from "./routing.js";
import { reasonOf } from "./toasts.js";
import { progressBar } from "./uploading.js";

const PARTS = ["evaluation", "reliability", "coverage", "audit"];
const ENDPOINTS = {
  evaluation: "/evaluation",
  reliability: "/evaluation",
  coverage: "/audit",
  audit: "/audit",
};
const DRAW = {
  evaluation: evaluationPart,
  reliability: reliabilityPart,
  coverage: coveragePart,
  audit: auditPart,
};
const PATIENCE = 200; // milliseconds before it is said that something takes time

/** Shows the view in `main`; returns what closes it. */
export function openQuality(main, _desk, part) {
  const stop = new AbortController();
  const tabs = el("nav", { class: "parts", "aria-label": t("parts") });
  const body = el("div", { class: "sheet" });
  const root = el("section", { class: "quality scroller", "aria-label": t("view.quality") }, tabs, body);
  put(main, el("h1", { class: "hidden" }, t("view.quality")), root);
  const show = (name) => {
    const chosen = PARTS.includes(name) ? name : PARTS[0];
    put(tabs, PARTS.map((one) => tab(one, chosen)));
    root.scrollTop = 0;
    fillPart(body, chosen, stop.signal);
  };
  const onPart = (event) => show(event.detail);
  addEventListener("picturedesk:part", onPart);
  show(part);
  return () => {
    removeEventListener("picturedesk:part", onPart);
    stop.abort();
  };
}

function tab(part, chosen) {
  const current = part === chosen ? "true" : null;
  return el("a", { href: placed("quality", part), "aria-current": current }, t(`quality.${part}`));
}

async function fillPart(body, part, signal) {
  const endpoint = ENDPOINTS[part];
  body.dataset.part = part;
  const mine = () => body.dataset.part === part && !signal.aborted;
  const bar = progressBar();
  bar.show(t(`quality.${part}.wait`), 0, 0);
  const patience = debounced(() => mine() && put(body, bar.root), PATIENCE);
  patience();
  try {
    const document = await measured(endpoint, bar, signal);
    patience.stop();
    if (mine()) put(body, DRAW[part](document));
  } catch (problem) {
    patience.stop();
    const again = () => fillPart(body, part, signal);
    if (problem.name !== "AbortError" && mine()) put(body, failure(problem, again));
  }
}

/** The document of an endpoint; where it takes long, the job that makes it is followed. */
async function measured(endpoint, bar, signal) {
  const answer = await call("GET", endpoint, { signal });
  if (!answer.job) return answer;
  const id = answer.job.id ?? answer.job;
  const end = await follow(id, ({ done, total, what }) => bar.show(what, done, total), signal);
  if (end.state === "failed") throw new Problem(0, end.problem?.detail ?? "", end.problem?.cure);
  const again = await call("GET", endpoint, { signal });
  if (again.job) throw new Error(t("job.failed"));
  return again;
}

function failure(problem, again) {
  return el(
    "div",
    { class: "empty" },
    el("h2", {}, t("error.title")),
    el("p", {}, reasonOf(problem)),
    problem.cure && el("p", { class: "quiet" }, problem.cure),
    button(t("again"), again),
  );
}

function evaluationPart(evaluation) {
  const whole = evaluation.whole_catalogue.filter((row) => row.direction === "text → picture");
  const best = whole.find((row) => row.name === "blend") ?? whole[whole.length - 1];
  return [
    el("h2", {}, t("evaluation.title")),
    el("p", { class: "lead" }, t("evaluation.lead")),
    best &&
      el(
        "div",
        { class: "figures" },
        figure(percent(best["recall@1"]), t("evaluation.first")),
        figure(percent(best["recall@10"]), t("evaluation.ten")),
        figure(plain(best.median_rank), t("evaluation.median")),
        figure(number(best.queries), t("evaluation.texts")),
      ),
    tableOf(t("evaluation.whole"), whole),
    ...["text → picture", "picture → text"].map((direction) =>
      tableOf(
        t(direction === "text → picture" ? "evaluation.part" : "evaluation.back"),
        evaluation.rows.filter((row) => row.direction === direction),
      ),
    ),
  ];
}

function tableOf(title, rows) {
  if (rows.length === 0) return null;
  const depths = Object.keys(rows[0]).filter((name) => name.startsWith("recall@"));
  const candidates = t("evaluation.among", { texts: rows[0].queries, count: rows[0].candidates });
  const heads = [
    t("route"),
    ...depths.map((name) => t("evaluation.recall", { k: name.split("@")[1] })),
    t("evaluation.medianRank"),
    "MRR",
  ];
  return el(
    "section",
    { class: "wide-table" },
    el("h3", {}, title),
    el("p", { class: "quiet" }, candidates),
    el(
      "div",
      { class: "table-scroll", tabindex: "0", role: "region", "aria-label": title },
      el(
        "table",
        { class: "table numbers" },
        el("thead", {}, el("tr", {}, heads.map((head) => el("th", { scope: "col" }, head)))),
        el("tbody", {}, rows.map((row) => rowOf(row, depths))),
      ),
    ),
  );
}

function rowOf(row, depths) {
  return el(
    "tr",
    { class: row.name === "blend" ? "best" : row.name === "chance" ? "chance" : "" },
    el("th", { scope: "row" }, known(`route.${row.name}`) || row.name),
    depths.map((name) => el("td", {}, shareBar(row[name]))),
    el("td", {}, plain(row.median_rank)),
    el("td", {}, percent(row.mrr, 1)),
  );
}

function reliabilityPart(evaluation) {
  const all = Object.entries(evaluation.reliability);
  if (all.length === 0) {
    return el("div", { class: "empty" }, el("h2", {}, t("reliability.none")));
  }
  const { found, missed } = evaluation.doubted;
  return [
    el("h2", {}, t("reliability.title")),
    el("p", { class: "lead" }, t("reliability.lead")),
    el("div", { class: "diagrams" }, all.map(diagram)),
    el("h3", {}, t("reliability.doubt")),
    el("p", { class: "quiet" }, t("reliability.doubtWords")),
    el(
      "div",
      { class: "figures" },
      found !== undefined && figure(percent(found), t("reliability.doubtFound")),
      missed !== undefined && figure(percent(missed), t("reliability.doubtMissed")),
    ),
  ];
}

function diagram([name, reliability]) {
  const title = known(`reliability.${name}`) || name;
  const points = (share) => number(share * 100, 1);
  return el(
    "figure",
    {},
    el("h3", {}, title),
    reliabilityDiagram(reliability, title),
    el(
      "figcaption",
      {},
      t("reliability.error", { error: points(reliability.ece), noise: points(reliability.noise) }),
    ),
  );
}
