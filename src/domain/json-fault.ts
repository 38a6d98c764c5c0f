/** Deeper than anybody writes by hand; what holds itself is deeper. */
const MAX_DEPTH = 32;

/**
 * What in a value cannot be written as JSON and read again as the same, with its place: `a.b[0] is a function`; or null.
 * A field that is undefined is left out, and no fault.
 */
export function findJsonFault(value: unknown, place: string, depth = 0): string | null {
  if (value === null || typeof value === 'boolean') return null;
  if (typeof value === 'number') return Number.isFinite(value) ? null : `${place} is ${value}`;
  // PostgreSQL's jsonb takes neither.
  if (typeof value === 'string')
    return value.includes('\u0000') || !value.isWellFormed() ? `${place} has characters that are no text` : null;
  if (typeof value !== 'object') return `${place} is ${value === undefined ? 'undefined' : `a ${typeof value}`}`;
  if (depth >= MAX_DEPTH) return `${place} is nested too deeply, or holds itself`;
  if (Array.isArray(value)) return findFirst(value.entries(), (index) => `${place}[${String(index)}]`, depth);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    return `${place} is a ${value.constructor?.name ?? 'special object'}, not a plain object`;
  const fields = Object.entries(value).filter(([, item]) => item !== undefined);
  return findFirst(fields, (key) => `${place}.${String(key)}`, depth);
}

function findFirst(
  items: Iterable<readonly [key: unknown, value: unknown]>,
  placeOf: (key: unknown) => string,
  depth: number,
): string | null {
  for (const [key, item] of items) {
    const fault = findJsonFault(item, placeOf(key), depth + 1);
    if (fault !== null) return fault;
  }
  return null;
}
