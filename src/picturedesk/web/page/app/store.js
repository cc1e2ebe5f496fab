/** What the user is doing, kept for this tab over a reload. Knows neither page nor server. */

const STORED = "picturedesk.state";

const BLANK = {
  text: "",
  like: [], // {key, caption}
  unlike: [],
  keywords: [],
  route: "",
  passages: false,
  slots: "paragraphs",
  filters: {}, // column → condition, see filters.js
  catalogue: { words: "", sort: "uri", part: "all", filters: {} },
};

const listeners = new Map();

export const state = { ...structuredClone(BLANK), ...stored() };

/** Changes some of the state, keeps it, and tells those who listen to what changed. */
export function change(changes) {
  Object.assign(state, changes);
  keep();
  const names = Object.keys(changes);
  for (const [listener, wanted] of listeners) {
    if (names.some((name) => wanted.includes(name))) listener();
  }
}

/** Calls `listener` after one of these has changed; returns what ends it. */
export function listen(names, listener) {
  listeners.set(listener, names);
  return () => listeners.delete(listener);
}

/** Whether there is something to ask the desk. */
export function hasQuestion() {
  return state.text.trim() !== "" || state.like.length > 0 || state.keywords.length > 0;
}

function keep() {
  try {
    sessionStorage.setItem(STORED, JSON.stringify(state));
  } catch (error) {
    if (error.name !== "QuotaExceededError") throw error; // a text too long to keep is still there
  }
}

function stored() {
  try {
    return JSON.parse(sessionStorage.getItem(STORED) ?? "{}");
  } catch {
    return {};
  }
}
