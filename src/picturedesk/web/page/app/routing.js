/** Places of the page in the address: #/view/part/key, so that each can be linked. */

export const VIEWS = ["write", "catalogue", "quality", "history"];

/** Where the page is: {view, part, key}. A key opens the picture above its view. */
export function here() {
  const [view = "", ...rest] = decodeURIComponent(location.hash.replace(/^#\/?/, "")).split("/");
  const at = rest.indexOf("picture");
  const key = at >= 0 ? (rest[at + 1] ?? "") : "";
  const part = at === 0 ? "" : (rest[0] ?? "");
  return { view: VIEWS.includes(view) ? view : VIEWS[0], part, key };
}

/** The address of a place. */
export function placed(view, part = "", key = "") {
  return `#/${[view, part, key && `picture/${key}`].filter(Boolean).join("/")}`;
}

/** Goes to a place; with `quietly` the one before is not kept in the history. */
export function go(view, part = "", key = "", quietly = false) {
  const target = placed(view, part, key);
  if (target === location.hash) return;
  if (quietly) {
    history.replaceState(null, "", target);
    dispatchEvent(new HashChangeEvent("hashchange"));
  } else {
    location.hash = target;
  }
}

/** Opens a picture above the present view, or closes it with "". */
export function goToPicture(key, quietly = false) {
  const { view, part } = here();
  go(view, part, key, quietly);
}

/** Calls `listener` with the place whenever it changes. */
export function onPlace(listener) {
  addEventListener("hashchange", () => listener(here()));
}
