/** PostgreSQL and JSON.stringify go into objects by recursion, and end at some thousands of levels. */
export const MAX_DEPTH = 100;

export function isTooDeep(value: unknown, levels = MAX_DEPTH): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isTooDeep(inner, levels - 1));
}

/** As JSON, in characters. */
const MAX_SHOWN = 10_000;

/** A value as an error repeats it; null where it is too large or too deep for that. */
export function showGiven(given: unknown): unknown {
  const isShowable = given !== undefined && !isTooDeep(given) && JSON.stringify(given).length <= MAX_SHOWN;
  return isShowable ? given : null;
}
