/** The words of the page, from one file a language; a missing word is the English one. */

const FALLBACK = "en";
const STORED = "picturedesk.language";

let words = {};
let english = {};
let language = FALLBACK;

/** The languages there are: code → name in itself. The server lists the message files. */
export async function languages() {
  return load("languages.json");
}

/** Loads a language; tells the document which one it is. */
export async function useLanguage(code) {
  english = Object.keys(english).length ? english : await load(`messages/${FALLBACK}.json`);
  words = code === FALLBACK ? english : await load(`messages/${code}.json`);
  language = code;
  document.documentElement.lang = code;
}

/** The language to begin with: that chosen before, or the first of the browser's that there is. */
export function preferred(codes) {
  const wanted = [localStorage.getItem(STORED), ...navigator.languages].filter(Boolean);
  for (const tag of wanted) {
    const short = tag.split("-")[0].toLowerCase();
    if (codes.includes(short)) return short;
  }
  return FALLBACK;
}

/** Keeps a choice of language for the next visit. */
export function remember(code) {
  localStorage.setItem(STORED, code);
}

/** A message; `{name}` in it becomes the value. With `count`, its form for that number. */
export function t(key, values = {}) {
  const found = lookUp(words, key, values) ?? lookUp(english, key, values) ?? key;
  return found.replace(/\{(\w+)\}/g, (whole, name) => shown(values[name], whole));
}

/** The message, or "" if no language has it: for names that come from the desk. */
export function known(key) {
  return words[key] ?? english[key] ?? "";
}

export function number(value, digits = 0) {
  return format({ maximumFractionDigits: digits, minimumFractionDigits: digits }).format(value);
}

export function percent(share, digits = 0) {
  return format({ style: "percent", maximumFractionDigits: digits }).format(share);
}

/** A chance in whole percent; one that is there is never called zero. */
export function chance(share) {
  return share > 0 && share < 0.01 ? `< ${percent(0.01)}` : percent(share);
}

/** A day of ISO 8601, written as the language writes it; years and months stay as they are. */
export function day(iso) {
  if (!/^\d{4}-\d\d-\d\d/.test(iso)) return iso;
  const date = new Date(`${iso.slice(0, 10)}T00:00:00`);
  return new Intl.DateTimeFormat(language, { dateStyle: "medium" }).format(date);
}

/** A moment of ISO 8601 with its time. */
export function moment(iso) {
  if (!/T\d\d/.test(iso)) return day(iso);
  const options = { dateStyle: "medium", timeStyle: "short" };
  return new Intl.DateTimeFormat(language, options).format(new Date(iso));
}

export function currentLanguage() {
  return language;
}

function lookUp(table, key, values) {
  if (values.count === undefined) return table[key];
  const form = new Intl.PluralRules(language).select(values.count);
  return table[`${key}.${form}`] ?? table[`${key}.other`] ?? table[key];
}

function shown(value, whole) {
  if (value === undefined) return whole;
  return typeof value === "number" ? number(value) : String(value);
}

function format(options) {
  return new Intl.NumberFormat(language, options);
}

async function load(name) {
  const answer = await fetch(new URL(`../${name}`, import.meta.url));
  return answer.ok ? answer.json() : {};
}
