/**
 * A grid of equal cells of which only those in sight exist. Ten thousand pictures scroll like
 * fifty: cells are used again, and pictures are asked for once the scrolling slows down.
 */

import { el, put } from "./dom.js";

const OVERSCAN = 3; // rows above and below what is in sight
const FAST = 1.2; // heights of the window per frame above which pictures wait
const SETTLED = 80; // milliseconds without scrolling after which they are asked for
const GAP = 16; // pixels
const LEAST = 168; // pixels of a cell's width at least
const LEAST_NARROW = 148;
const WORDS = 50; // pixels of a cell below its picture

/**
 * @param {{make: () => HTMLElement, bind: (cell, place) => void, dress: (cell, place) => void,
 *   label: string, moved: (place, event) => void}} parts `bind` writes words, `dress` the picture
 */
export function virtualGrid(parts) {
  const sizer = el("div", {
    class: "virtual",
    role: "listbox",
    "aria-multiselectable": "true",
    "aria-label": parts.label,
  });
  const scroller = el("div", { class: "scroller" }, sizer);
  const grid = {
    ...parts,
    scroller,
    sizer,
    count: 0,
    columns: 1,
    size: { width: 0, height: 0 },
    cells: new Map(), // place → cell
    spare: [],
    focused: 0,
    last: 0, // scrollTop of the last frame
    frame: 0,
    settle: 0,
  };
  scroller.addEventListener("scroll", () => askFrame(grid), { passive: true });
  new ResizeObserver(() => measure(grid)).observe(scroller);
  sizer.addEventListener("keydown", (event) => onKey(grid, event));
  sizer.addEventListener("focusin", (event) => remember(grid, event.target));
  return {
    root: scroller,
    setCount: (count) => setCount(grid, count),
    refresh: () => rebind(grid),
    toTop: () => toTop(grid),
    focus: () => focusPlace(grid, grid.focused),
    visible: () => range(grid),
    focused: () => grid.focused,
  };
}

function setCount(grid, count) {
  grid.count = count;
  grid.focused = Math.min(grid.focused, Math.max(0, count - 1));
  measure(grid);
  rebind(grid);
}

function toTop(grid) {
  grid.focused = 0;
  grid.scroller.scrollTop = 0;
  for (const place of [...grid.cells.keys()]) release(grid, place);
}

function measure(grid) {
  const width = Math.floor(grid.sizer.getBoundingClientRect().width);
  if (width === 0) return;
  const least = width < 480 ? LEAST_NARROW : LEAST;
  const gap = width < 480 ? GAP - 4 : GAP;
  grid.columns = Math.max(1, Math.floor((width + gap) / (least + gap)));
  const cell = (width - gap * (grid.columns - 1)) / grid.columns;
  grid.size = { width: cell, height: Math.round(cell * 0.75) + WORDS, gap };
  const rows = Math.ceil(grid.count / grid.columns);
  grid.sizer.style.height = `${Math.max(0, rows * (grid.size.height + gap) - gap)}px`;
  for (const [place, cell] of grid.cells) position(grid, cell, place);
  draw(grid, false);
}

function askFrame(grid) {
  grid.frame ||= requestAnimationFrame(() => {
    grid.frame = 0;
    const { scrollTop, clientHeight } = grid.scroller;
    const fast = Math.abs(scrollTop - grid.last) > clientHeight * FAST;
    grid.last = scrollTop;
    draw(grid, fast);
  });
}

/** Places in sight with some more around them: first and the one after the last. */
function range(grid) {
  const { scrollTop, clientHeight } = grid.scroller;
  const step = grid.size.height + (grid.size.gap ?? GAP);
  const first = Math.max(0, Math.floor(scrollTop / step) - OVERSCAN);
  const last = Math.ceil((scrollTop + clientHeight) / step) + OVERSCAN;
  return [first * grid.columns, Math.min(grid.count, last * grid.columns)];
}

function draw(grid, fast) {
  if (grid.size.width === 0) return;
  const [start, end] = range(grid);
  for (const place of [...grid.cells.keys()]) {
    const held = place === grid.focused && grid.cells.get(place).contains(document.activeElement);
    if ((place < start || place >= end) && !held) release(grid, place);
  }
  for (let place = start; place < end; place += 1) if (!grid.cells.has(place)) take(grid, place);
  clearTimeout(grid.settle);
  if (fast) grid.settle = setTimeout(() => dressAll(grid), SETTLED);
  else dressAll(grid);
}

function take(grid, place) {
  const cell = grid.spare.pop() ?? grid.make();
  grid.cells.set(place, cell);
  cell.dataset.place = String(place);
  cell.setAttribute("aria-posinset", String(place + 1));
  cell.tabIndex = place === grid.focused ? 0 : -1;
  position(grid, cell, place);
  cell.setAttribute("aria-setsize", String(grid.count));
  grid.bind(cell, place);
  cell.hidden = false;
  if (!cell.isConnected) grid.sizer.append(cell);
}

function release(grid, place) {
  const cell = grid.cells.get(place);
  grid.cells.delete(place);
  cell.hidden = true;
  grid.spare.push(cell);
}

function position(grid, cell, place) {
  const { width, height, gap } = grid.size;
  const column = place % grid.columns;
  const row = Math.floor(place / grid.columns);
  cell.style.width = `${width}px`;
  cell.style.height = `${height}px`;
  cell.style.transform = `translate(${column * (width + gap)}px, ${row * (height + gap)}px)`;
}

function dressAll(grid) {
  for (const [place, cell] of grid.cells) grid.dress(cell, place, grid.size.width);
}

function rebind(grid) {
  for (const [place, cell] of grid.cells) {
    if (place >= grid.count) {
      release(grid, place);
      continue;
    }
    cell.setAttribute("aria-setsize", String(grid.count));
    cell.tabIndex = place === grid.focused ? 0 : -1;
    grid.bind(cell, place);
  }
  draw(grid, false);
}

function remember(grid, target) {
  const place = Number(target.closest("[data-place]")?.dataset.place ?? grid.focused);
  for (const [other, cell] of grid.cells) cell.tabIndex = other === place ? 0 : -1;
  grid.focused = place;
}

function onKey(grid, event) {
  const page = grid.columns * Math.max(1, Math.floor(grid.scroller.clientHeight / grid.size.height));
  const steps = {
    ArrowRight: 1,
    ArrowLeft: -1,
    ArrowDown: grid.columns,
    ArrowUp: -grid.columns,
    PageDown: page,
    PageUp: -page,
    Home: -Infinity,
    End: Infinity,
  };
  if (!(event.key in steps) || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  const place = Math.max(0, Math.min(grid.count - 1, grid.focused + steps[event.key]));
  focusPlace(grid, place);
  grid.moved(place, event);
}

function focusPlace(grid, place) {
  if (grid.count === 0) return;
  const { height, gap } = grid.size;
  const top = Math.floor(place / grid.columns) * (height + gap);
  const { scrollTop, clientHeight } = grid.scroller;
  if (top < scrollTop) grid.scroller.scrollTop = top;
  else if (top + height > scrollTop + clientHeight) {
    grid.scroller.scrollTop = top + height - clientHeight + gap;
  }
  draw(grid, false);
  if (!grid.cells.has(place)) take(grid, place);
  grid.cells.get(place).focus({ preventScroll: true });
}

/** Puts a note where the grid would be: empty, or a problem. */
export function instead(scroller, ...content) {
  const old = scroller.querySelector(".empty");
  old?.remove();
  if (content.length > 0) scroller.append(put(el("div", { class: "empty" }), content));
}
