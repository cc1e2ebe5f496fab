/** Builds elements. Text goes in as text nodes only, never as HTML. Knows nothing of desks. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Makes an element.
 * @param {string} tag
 * @param {Object} attributes `on` holds event handlers; false and null leave an attribute out.
 * @param {...(Node|string|number|null|Array)} children strings become text nodes.
 */
export function el(tag, attributes = {}, ...children) {
  return fill(set(document.createElement(tag), attributes), children);
}

/** Makes an SVG element; see `el`. */
export function svg(tag, attributes = {}, ...children) {
  return fill(set(document.createElementNS(SVG, tag), attributes), children);
}

/** Replaces all children of a node. */
export function put(node, ...children) {
  node.replaceChildren();
  return fill(node, children);
}

/** Numbers ids, for labels that point at fields. */
let count = 0;
export function freshId(prefix) {
  count += 1;
  return `${prefix}-${count}`;
}

/** Calls `act` once no call came for `wait` milliseconds; `now` calls at once, `stop` never. */
export function debounced(act, wait) {
  let timer = 0;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(act, wait);
  };
  later.stop = () => clearTimeout(timer);
  later.now = () => {
    clearTimeout(timer);
    act();
  };
  return later;
}

/** Whether the user types into an element, so that single keys are letters. */
export function isTyping(target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.matches("textarea, select")) return true;
  return target.matches("input") && !target.matches("[type=checkbox], [type=radio], [type=button]");
}

/** Whether the system asks for less motion. */
export function calm() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") listen(node, value);
    else if (name === "value" || name === "checked" || name === "indeterminate") node[name] = value;
    else if (name === "data") Object.assign(node.dataset, value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  return node;
}

function listen(node, handlers) {
  for (const [event, handler] of Object.entries(handlers)) node.addEventListener(event, handler);
}

function fill(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : String(child));
  }
  return node;
}
