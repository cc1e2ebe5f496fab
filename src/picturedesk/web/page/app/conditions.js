/** Turns filters into a condition of the desk (`where`). Knows columns and their types only. */

const DAY = 86400000; // milliseconds

/**
 * The condition that all filters together make.
 * @param {Object} filters column → {values} | {from, to} | {least, most} | {is} | {before}
 * @param {Object} columns column → {type}
 */
export function conditionOf(filters, columns) {
  const parts = Object.entries(filters)
    .filter(([column]) => column in columns)
    .map(([column, filter]) => part(column, columns[column].type, filter));
  return parts.filter(Boolean).join(" AND ");
}

/** The condition for pictures that have expired. */
export function expiredCondition(today = new Date()) {
  return `expiry != '' AND expiry < ${quoted(isoDay(today))}`;
}

/** Several conditions, all of which must hold. */
export function allOf(...conditions) {
  return conditions.filter(Boolean).join(" AND ");
}

/** Whether a filter asks for anything. */
export function isSet(filter) {
  return Object.values(filter ?? {}).some((value) =>
    Array.isArray(value) ? value.length > 0 : value !== "" && value !== null && value !== undefined,
  );
}

function part(column, type, filter) {
  if (!isSet(filter)) return "";
  if ("before" in filter) return notSince(column, filter.before);
  if (type === "tags") return anyTag(column, filter.values);
  if (type === "boolean") return `${column} = ${filter.is ? 1 : 0}`;
  if (type === "number") return range(column, filter.least, filter.most, "<=", Number);
  if (type === "date") return range(column, quotedDay(filter.from), dayAfter(filter.to), "<");
  return `${column} IN (${filter.values.map(quoted).join(", ")})`;
}

/** Pictures that were last used before a day, or never. */
function notSince(column, day) {
  return `(${column} IS NULL OR ${column} = '' OR ${column} < ${quoted(day)})`;
}

function anyTag(column, values) {
  const each = values.map((value) => `has_tag(${column}, ${quoted(value)})`);
  return each.length > 1 ? `(${each.join(" OR ")})` : each[0];
}

function range(column, low, high, below, cast = String) {
  const given = (value) => value !== "" && value !== undefined && value !== null;
  return allOf(
    given(low) ? `${column} >= ${cast(low)}` : "",
    given(high) ? `${column} ${below} ${cast(high)}` : "",
  );
}

function quotedDay(day) {
  return day ? quoted(day) : "";
}

/** Moments of the last day count too, so the end is the day after, without it. */
function dayAfter(day) {
  return day ? quoted(isoDay(new Date(Date.parse(`${day}T00:00:00Z`) + DAY))) : "";
}

function isoDay(date) {
  return date.toISOString().slice(0, 10);
}

function quoted(value) {
  return `'${String(value).replaceAll("'", "''")}'`;
}
