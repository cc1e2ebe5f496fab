/** The values that columns have, as a sample of the catalogue's pictures shows them. */

import { call } from "./api.js";

const SAMPLE = 500; // pictures
const MOST = 60; // values offered for a column

let sample = null;

/** Some pictures of the catalogue, asked for once. */
export function samplePictures() {
  sample ??= call("GET", "/pictures", { query: { limit: SAMPLE, sort: "key" } }).then(
    (page) => page.pictures,
    (problem) => {
      sample = null;
      throw problem;
    },
  );
  return sample;
}

/** Forgets the sample, after pictures came or changed. */
export function forgetSample() {
  sample = null;
}

/** The values of a column, the most frequent first. */
export async function valuesOf(column) {
  const counts = new Map();
  for (const picture of await samplePictures()) {
    const value = fieldOf(picture, column);
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== "" && one !== null && one !== undefined) {
        counts.set(one, (counts.get(one) ?? 0) + 1);
      }
    }
  }
  const ordered = [...counts].sort((a, b) => b[1] - a[1]);
  return ordered.slice(0, MOST).map(([value]) => String(value));
}

/** A field of a picture, or its own column of that name. */
export function fieldOf(picture, column) {
  return column in picture ? picture[column] : picture.columns?.[column];
}

/** Width by height, of the file; 1.5 if it is not known. */
export function aspectOf(picture) {
  const { width, height } = picture.columns ?? {};
  return width > 0 && height > 0 ? width / height : 1.5;
}
