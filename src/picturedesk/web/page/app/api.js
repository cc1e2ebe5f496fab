/** Calls the server under /v1. Knows keys and problems; knows nothing of the page. */

const KEY = "picturedesk.key";
const FAILED = 400;
const NO_KEY = 401;

let askForKey = async () => "";
let asking = null;

/** A refusal of the server (RFC 9457), or no answer at all (status 0). */
export class Problem extends Error {
  constructor(status, detail, cure = "", title = "") {
    super(detail);
    this.status = status;
    this.cure = cure;
    this.title = title;
  }
}

/** Says how the user is asked for a key; it returns "" if there will be none. */
export function onMissingKey(ask) {
  askForKey = ask;
}

export function currentKey() {
  return sessionStorage.getItem(KEY) ?? "";
}

export function keepKey(key) {
  if (key) sessionStorage.setItem(KEY, key);
  else sessionStorage.removeItem(KEY);
}

/** Headers with the key, if there is one. */
export function authorised(headers = {}) {
  const key = currentKey();
  return key ? { ...headers, Authorization: `Bearer ${key}` } : headers;
}

/**
 * Asks the server and returns its JSON document.
 * @param {string} method
 * @param {string} path after /v1
 * @param {{json?: Object, form?: FormData, query?: Object, signal?: AbortSignal}} options
 */
export async function call(method, path, options = {}) {
  const answer = await send(method, path, options);
  return answer.status === 204 ? null : answer.json();
}

/** Like `call`, but returns the whole answer, for blobs and streams. */
export async function send(method, path, options = {}) {
  const used = currentKey();
  const answer = await attempt(method, path, options);
  if (answer.status === NO_KEY && (await hasNewKey(used))) return send(method, path, options);
  if (answer.status >= FAILED) throw await problemOf(answer);
  return answer;
}

/**
 * Uploads a form and tells how much of it is sent, which fetch cannot do.
 * @returns {Promise<Object>} the JSON document
 */
export function upload(path, form, sent, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", address(path));
    for (const [name, value] of Object.entries(authorised())) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => sent(event.loaded, event.total));
    request.addEventListener("error", () => reject(new Problem(0, "")));
    request.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
    request.addEventListener("load", () => {
      const document = parsed(request.responseText);
      if (request.status >= FAILED) reject(problemFrom(request.status, document));
      else resolve(document);
    });
    signal?.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

/** The address of an endpoint with its query. */
export function address(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== "" && value !== undefined);
  const words = new URLSearchParams(given).toString();
  return `/v1${path}${words ? `?${words}` : ""}`;
}

async function attempt(method, path, { json, form, query, signal, headers = {} }) {
  const request = { method, signal, headers: authorised(headers), body: form };
  if (json !== undefined) {
    request.headers["Content-Type"] = "application/json";
    request.body = JSON.stringify(json);
  }
  try {
    return await fetch(address(path, query), request);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "");
  }
}

async function hasNewKey(used) {
  if (currentKey() !== used) return true;
  asking ??= askForKey(used !== "").finally(() => {
    asking = null;
  });
  const key = await asking;
  if (key) keepKey(key);
  return key !== "";
}

async function problemOf(answer) {
  return problemFrom(answer.status, parsed(await answer.text()));
}

function problemFrom(status, document) {
  return new Problem(status, document.detail ?? "", document.cure ?? "", document.title ?? "");
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
