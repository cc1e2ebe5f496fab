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
  let loading = false;

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
    if (loading) return;
    loading = true;
    try {
      let ended = total !== null && after === "";
      while (!ended && pictures.length <= wanted) ended = await next();
    } catch (problem) {
      if (problem.name !== "AbortError") heard.failed(problem);
    } finally {
      loading = false;
    }
  };
  return {
    pictures,
    total: () => total,
    /** Loads on until the picture at this place is there. */
    need(place) {
      wanted = Math.max(wanted, place);
      return load();
    },
    replace(changed) {
      const at = pictures.findIndex((one) => one.key === changed.key);
      if (at >= 0) pictures[at] = changed;
    },
    stop: () => controller.abort(),
  };
}
