/** The pictures of a list, page by page with the server's cursors, as far as they are needed. */

import { call } from "./api.js";

const PAGE = 200; // pictures

/**
 * A list of pictures that grows to where it is looked at.
 * @param {{where: string, sort: string, q: string}} query
 * @param {{grown: () => void, failed: (problem: Error) => void}} heard
 */
export function pictureList(query, heard) {
  const controller = new AbortController();
  const pictures = [];
  let total = null;
  let after = "";
  let wanted = 0;
  let loading = null; // ends with the load that runs

  const next = async () => {
    const asked = { ...query, after, limit: PAGE };
    const page = await call("GET", "/pictures", { query: asked, signal: controller.signal });
    pictures.push(...page.pictures);
    after = page.after ?? "";
    const ended = after === "" || page.pictures.length === 0;
    total = ended ? pictures.length : Math.max(page.total, pictures.length);
    heard.grown();
    return ended;
  };
  const load = async () => {
    try {
      let ended = total !== null && after === "";
      while (!ended && pictures.length <= wanted) ended = await next();
    } catch (problem) {
      if (problem.name !== "AbortError") heard.failed(problem);
    } finally {
      loading = null;
    }
  };
  return {
    pictures,
    total: () => total,
    /** Loads on until the picture at this place is there; ends when it is, or cannot be had. */
    need(place) {
      wanted = Math.max(wanted, place);
      loading ??= Promise.resolve().then(load);
      return loading;
    },
    replace(changed) {
      const at = pictures.findIndex((one) => one.key === changed.key);
      if (at >= 0) pictures[at] = changed;
    },
    stop: () => controller.abort(),
  };
}
