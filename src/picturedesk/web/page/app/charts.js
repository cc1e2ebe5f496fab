/** Diagrams as SVG, each with its numbers in words for those who do not see it. */

import { el, svg } from "./dom.js";
import { number, percent, t } from "./i18n.js";

const SIDE = 280; // units of the drawing
const LEFT = 38;
const FOOT = 34;
const TOP = 8;

/**
 * How often a stated chance comes true: one dot per bin with its interval of 95 %, the diagonal
 * is perfect.
 * @param {{bins: Object[]}} reliability
 * @param {string} title
 */
export function reliabilityDiagram(reliability, title) {
  const x = (share) => LEFT + share * SIDE;
  const y = (share) => TOP + (1 - share) * SIDE;
  const box = { viewBox: `0 0 ${LEFT + SIDE + 10} ${TOP + SIDE + FOOT}`, class: "diagram", role: "img" };
  const most = Math.max(...reliability.bins.map((bin) => bin.count));
  return svg(
    "svg",
    { ...box, "aria-label": `${title}. ${inWords(reliability)}` },
    [0, 0.25, 0.5, 0.75, 1].map((share) => gridLine(share, x, y)),
    svg("line", { class: "diagonal", x1: x(0), y1: y(0), x2: x(1), y2: y(1) }),
    reliability.bins.map((bin) => dot(bin, x, y, most)),
    svg("text", { class: "axis", x: x(0.5), y: TOP + SIDE + 30, "text-anchor": "middle" }, t("reliability.stated")),
    axisWords(x, y),
  );
}

function axisWords(x, y) {
  const at = { x: 0, y: 0, transform: `translate(9 ${y(0.5)}) rotate(-90)`, "text-anchor": "middle" };
  return svg("text", { class: "axis", ...at }, t("reliability.observed"));
}

function gridLine(share, x, y) {
  return [
    svg("line", { class: "grid", x1: x(0), x2: x(1), y1: y(share), y2: y(share) }),
    svg("text", { class: "tick-label", x: x(0) - 6, y: y(share) + 4, "text-anchor": "end" }, `${share * 100}`),
    svg("text", { class: "tick-label", x: x(share), y: y(0) + 15, "text-anchor": "middle" }, `${share * 100}`),
  ];
}

function dot(bin, x, y, most) {
  const size = 3 + 5 * Math.sqrt(bin.count / most);
  const words = t("reliability.bin", {
    stated: percent(bin.stated),
    observed: percent(bin.observed),
    count: bin.count,
  });
  const at = x(bin.stated);
  return svg(
    "g",
    {},
    svg("title", {}, words),
    svg("line", { class: "reach", x1: at, x2: at, y1: y(bin.low), y2: y(bin.high) }),
    svg("circle", { cx: at, cy: y(bin.observed), r: size }),
  );
}

function inWords(reliability) {
  const words = (bin) =>
    t("reliability.bin", {
      stated: percent(bin.stated),
      observed: percent(bin.observed),
      count: bin.count,
    });
  return reliability.bins.map(words).join(" ");
}

/** A bar that fills a share of its length, with the number beside it. */
export function shareBar(share, look = "") {
  const fill = el("i", {});
  fill.style.width = `${Math.min(1, share) * 100}%`;
  return el(
    "span",
    { class: `share ${look}`.trim() },
    el("span", { class: "bar", "aria-hidden": "true" }, fill),
    el("b", {}, percent(share)),
  );
}

/** A figure with a label below it. */
export function figure(value, label) {
  return el("div", { class: "figure" }, el("strong", {}, value), el("span", {}, label));
}

/** A number with one digit, or a dash where there is none. */
export function plain(value) {
  return value === null || value === undefined ? "–" : number(value, Number.isInteger(value) ? 0 : 1);
}
