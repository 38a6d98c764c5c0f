/** Longer texts are no slips of the finger, and comparing them costs the product of their lengths. */
const MAX_LENGTH = 64;

/**
 * The name that was probably meant: the same letters but for case and separators (`chunk_size` → `chunkSize`), else the
 * nearest one at most two slips away (one for short names). Null when none is near.
 */
export function findClosestName(given: string, names: readonly string[]): string | null {
  if (given.length > MAX_LENGTH) return null;
  const slips = given.length < 5 ? 1 : 2;
  const ranked = names
    .map((name) => ({ name, distance: countSlips(toLetters(given), toLetters(name)) }))
    .filter(({ distance }) => distance <= slips)
    .sort((a, b) => a.distance - b.distance);
  return ranked[0]?.name ?? null;
}

function toLetters(name: string): string {
  return name.toLowerCase().replace(/[\s_.-]/g, '');
}

/** Levenshtein distance: letters added, left out or exchanged. */
function countSlips(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
