/** The icons: strokes on a grid of 20 by 20, in the colour of the text around them. */

import { svg } from "./dom.js";

const STROKES = {
  add: "M10 4v12M4 10h12",
  alike: "M3 3h6v6H3zM11 3h6v6h-6zM3 11h6v6H3zM14 11v6M11 14h6",
  auto: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14M10 3v14M10 6h5.7M10 9h6.9M10 12h6.7M10 15h4.8",
  back: "M12 4l-6 6 6 6",
  ban: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14M5.1 5.1l9.8 9.8",
  catalogue: "M3 4h6v5H3zM11 4h6v8h-6zM3 11h6v5H3zM11 14h6v2h-6z",
  check: "M4 10.5l4 4 8-9",
  clock: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14M10 6v4l3 2",
  close: "M5 5l10 10M15 5L5 15",
  copy: "M7 7h9v10H7zM4 13V3h9",
  down: "M5 8l5 5 5-5",
  edit: "M4 16l1-4 8.5-8.5 3 3L8 15zM12 5l3 3",
  file: "M5 2.5h7l3.5 3.5v11.5H5zM12 2.5V6h3.5",
  globe:
    "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14M3 10h14M10 3c2.5 2 3 4.5 3 7s-.5 5-3 7c-2.5-2-3-4.5-3-7s.5-5 3-7",
  history: "M3.5 10a6.5 6.5 0 1 1 2 4.7M3 5v4h4M10 6.5V10l2.5 1.5",
  keys: "M2.5 5.5h15v9h-15zM5.5 8.5h.1M8.5 8.5h.1M11.5 8.5h.1M14.5 8.5h.1M6.5 11.8h7",
  moon: "M16 11.5A6.5 6.5 0 1 1 8.5 4a5.2 5.2 0 0 0 7.5 7.5",
  next: "M8 4l6 6-6 6",
  open: "M11 3h6v6M17 3l-8 8M14 12v5H3V6h5",
  quality: "M3 17V8M8 17V3M13 17v-6M18 17H2",
  route: "M4 15.5h6a3 3 0 0 0 0-6H9a3 3 0 0 1 0-6h6M13 1.5l2.5 2-2.5 2",
  search: "M9 15A6 6 0 1 0 9 3a6 6 0 0 0 0 12M13.5 13.5L17 17",
  sun: "M10 13.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7M10 2v1.5M10 16.5V18M2 10h1.5M16.5 10H18M4.3 4.3l1.1 1.1M14.6 14.6l1.1 1.1M4.3 15.7l1.1-1.1M14.6 5.4l1.1-1.1",
  trash: "M3.5 5.5h13M8 5.5V3h4v2.5M5 5.5l1 11.5h8l1-11.5M8.3 8.5v5.5M11.7 8.5v5.5",
  undo: "M7 4L3 8l4 4M3 8h9a4.5 4.5 0 0 1 0 9H8",
  upload: "M10 13V3M6 7l4-4 4 4M3 13v4h14v-4",
  warn: "M10 3l8 14H2zM10 8v4.5M10 14.7v.1",
  write: "M3 17h14M4 13l1-3.5L12.5 2l2.5 2.5L7.5 12z",
};

/** An icon by its name; it says nothing to screen readers. */
export function icon(name) {
  const box = { class: "icon", viewBox: "0 0 20 20", "aria-hidden": "true", focusable: "false" };
  return svg("svg", box, svg("path", { d: STROKES[name] }));
}

/** Three bars like those of a signal, of which the strength of a match fills one to three. */
export function strength(match) {
  const filled = { strong: 3, fair: 2, weak: 1 }[match] ?? 0;
  const box = { class: "icon bars", viewBox: "0 0 20 20", "aria-hidden": "true" };
  const bar = (place) =>
    svg("rect", {
      class: place < filled ? "on" : "off",
      x: 2 + place * 6,
      y: 12 - place * 4.5,
      width: 4,
      height: 5 + place * 4.5,
      rx: 1,
    });
  return svg("svg", box, bar(0), bar(1), bar(2));
}
