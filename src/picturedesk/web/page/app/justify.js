/** Lays pictures out in rows of full width, each as high as its pictures together allow. */

/**
 * Rows of boxes that keep their aspect and fill the width; the last row is not stretched.
 * @param {number[]} aspects width by height of each box
 * @param {number} width of the rows, pixels
 * @param {{height: number, gap: number}} options the height to come near to
 * @returns {{height: number, boxes: {index: number, width: number}[]}[]}
 */
export function justified(aspects, width, { height, gap }) {
  const rows = [];
  let start = 0;
  let sum = 0;
  for (let index = 0; index < aspects.length; index += 1) {
    const before = heightOf(sum, index - start, width, gap);
    sum += aspects[index];
    const now = heightOf(sum, index - start + 1, width, gap);
    if (now > height) continue;
    const tooFlat = index > start && before - height < height - now;
    const end = tooFlat ? index : index + 1;
    rows.push(row(aspects, start, end, width, gap, Infinity));
    start = end;
    sum = tooFlat ? aspects[index] : 0;
  }
  if (start < aspects.length) rows.push(row(aspects, start, aspects.length, width, gap, height));
  return rows;
}

function heightOf(sum, count, width, gap) {
  return count === 0 ? Infinity : (width - gap * (count - 1)) / sum;
}

function row(aspects, start, end, width, gap, most) {
  const part = aspects.slice(start, end);
  const sum = part.reduce((total, aspect) => total + aspect, 0);
  const height = Math.min(most, heightOf(sum, part.length, width, gap));
  const boxes = part.map((aspect, at) => ({
    index: start + at,
    width: Math.floor(aspect * height * 100) / 100,
  }));
  return { height: Math.round(height), boxes };
}
