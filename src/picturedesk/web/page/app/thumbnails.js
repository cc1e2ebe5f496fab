/**
 * Puts thumbnails into images. Without a key the browser loads them itself; with one they are
 * fetched with the header and shown as blobs, of which the most recent are kept.
 */

import { address, currentKey, send } from "./api.js";
import { el } from "./dom.js";

const KEPT = 400; // blobs
const WIDTHS = [160, 240, 320, 480, 640, 960, 1280, 1920]; // pixels; few, so that caches hit

const blobs = new Map(); // path → Promise of an object URL, least recently used first

/** Shows a picture in an image at the width it has on this screen; returns the image. */
export function showThumbnail(image, key, cssWidth) {
  const path = `/pictures/${key}/thumbnail`;
  const query = { width: fitting(cssWidth * Math.min(devicePixelRatio || 1, 2)) };
  const name = address(path, query);
  if (image.dataset.name === name) return image;
  image.dataset.name = name;
  image.classList.remove("broken", "ready");
  if (currentKey()) showBlob(image, path, query, name);
  else image.src = name;
  return image;
}

/** A picture of a fixed height and of its own aspect within bounds, in a box of that size. */
export function sized(key, aspect, height, { flat = 1.8, tall = 0.6 } = {}) {
  const width = Math.round(Math.min(flat, Math.max(tall, aspect)) * height);
  const image = watched(el("img", { alt: "", decoding: "async", loading: "lazy" }));
  const mat = el("span", { class: "mat" }, image);
  mat.style.width = `${width}px`;
  mat.style.height = `${height}px`;
  showThumbnail(image, key, width);
  return mat;
}

/** Watches an image: it fades in when it is there, and says so when it cannot be had. */
export function watched(image) {
  image.addEventListener("load", () => image.classList.add("ready"));
  image.addEventListener("error", () => image.classList.add("broken"));
  return image;
}

/** Takes the picture out of an image that is used again. */
export function clearThumbnail(image) {
  delete image.dataset.name;
  image.classList.remove("ready", "broken");
  image.removeAttribute("src");
}

/** Frees all blobs, for another key sees other pictures. */
export function forgetThumbnails() {
  for (const promise of blobs.values()) promise.then(URL.revokeObjectURL, () => {});
  blobs.clear();
}

async function showBlob(image, path, query, name) {
  try {
    const url = await blobOf(path, query, name);
    if (image.dataset.name === name) image.src = url;
  } catch {
    if (image.dataset.name === name) image.classList.add("broken");
  }
}

function blobOf(path, query, name) {
  const there = blobs.get(name);
  const promise = there ?? send("GET", path, { query }).then(asUrl);
  blobs.delete(name);
  blobs.set(name, promise);
  if (!there) {
    promise.catch(() => blobs.delete(name));
    forgetOldest();
  }
  return promise;
}

async function asUrl(answer) {
  return URL.createObjectURL(await answer.blob());
}

function forgetOldest() {
  while (blobs.size > KEPT) {
    const [name, promise] = blobs.entries().next().value;
    blobs.delete(name);
    promise.then(URL.revokeObjectURL, () => {});
  }
}

function fitting(width) {
  return WIDTHS.find((one) => one >= width) ?? WIDTHS[WIDTHS.length - 1];
}
