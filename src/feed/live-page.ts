import type { LiveSource, Versioned } from './live-value.ts';
import type { Wake } from './wake.ts';

/** What a live page shows, and what changes it. */
export interface PageSource<Row> {
  /** Ids of rows that a change touches, ALL_WAITING or none of them; null when it cannot change the page. */
  concernOf(wake: Wake): Iterable<string> | null;
  /** The rows in order; null when there is no such page any more. */
  readRows(): Promise<Row[] | null>;
  /** What of a row can change, as text. */
  print(row: Row): string;
  isWaiting(row: Row): boolean;
  /** A position in the feed that the rows to be read do not lag behind. */
  headCursor(): string;
}

/** A concern: rows that wait may wait for another reason now. */
export const ALL_WAITING = '*';

interface PageRow<Row> {
  readonly row: Row;
  readonly print: string;
  /** The version in which it last changed or came into the page. */
  readonly version: number;
}

/** A page as it is now. */
export interface LivePage<Row> {
  readonly rows: ReadonlyMap<string, PageRow<Row>> | null;
  readonly cursor: string;
  /** What those get who have an older version, by that version. Made once for all of them. */
  readonly updates: Map<number, PageUpdate<Row>>;
}

export interface PageUpdate<Row> {
  readonly changed: readonly Row[];
  readonly order: readonly string[];
  readonly cursor: string;
}

/** A page as a live state: the rows that changed carry the version in which they did. */
export function createPage<Row extends { readonly id: string }>(source: PageSource<Row>): LiveSource<LivePage<Row>> {
  return {
    concernOf: (wake) => (wake.isEverything ? [] : source.concernOf(wake)),
    async read(previous, concerns, version) {
      const cursor = source.headCursor();
      const found = await source.readRows();
      if (!found) return { rows: null, cursor, updates: new Map() };
      const before = previous?.rows ?? new Map<string, PageRow<Row>>();
      const rows = new Map(
        found.map((row): [string, PageRow<Row>] => {
          const print = source.print(row);
          const old = before.get(row.id);
          const isTouched = concerns.has(row.id) || (concerns.has(ALL_WAITING) && source.isWaiting(row));
          return [row.id, old && old.print === print && !isTouched ? old : { row, print, version }];
        }),
      );
      const hasChanged = [...rows.values()].some((row) => row.version === version);
      if (previous?.rows && !hasChanged && isSameOrder([...before.keys()], [...rows.keys()])) return null;
      return { rows, cursor, updates: new Map() };
    },
  };
}

/** What a stream gets that has seen the version: everything when it has seen none. Null when the page is gone. */
export function updateSince<Row>({ value: page }: Versioned<LivePage<Row>>, seen: number): PageUpdate<Row> | null {
  if (!page.rows) return null;
  let update = page.updates.get(seen);
  if (!update) {
    const changed = [...page.rows.values()].filter((row) => row.version > seen).map(({ row }) => row);
    update = { changed, order: [...page.rows.keys()], cursor: page.cursor };
    page.updates.set(seen, update);
  }
  return update;
}

function isSameOrder(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((id, index) => id === b[index]);
}
