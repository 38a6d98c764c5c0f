/** Ids that one statement asks for at most. */
const MAX_IDS = 500;

interface Wish<Value> {
  readonly id: string;
  readonly resolve: (value: Value | null) => void;
  readonly reject: (error: unknown) => void;
}

/** Makes a function that reads something by id: what is asked for at the same moment is read with one statement. */
export function readTogether<Value>(
  readMany: (ids: string[]) => Promise<ReadonlyMap<string, Value>>,
  maxIds = MAX_IDS,
): (id: string) => Promise<Value | null> {
  let wishes: Wish<Value>[] = [];

  async function fulfil(batch: readonly Wish<Value>[]): Promise<void> {
    try {
      const values = await readMany([...new Set(batch.map(({ id }) => id))]);
      for (const { id, resolve } of batch) resolve(values.get(id) ?? null);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  return (id) =>
    new Promise((resolve, reject) => {
      if (wishes.length === 0)
        setImmediate(() => {
          const all = wishes;
          wishes = [];
          for (let at = 0; at < all.length; at += maxIds) void fulfil(all.slice(at, at + maxIds));
        });
      wishes.push({ id, resolve, reject });
    });
}

/** Rows by their ids. */
export function byId<Row extends { readonly id: string }>(rows: readonly Row[]): ReadonlyMap<string, Row> {
  return new Map(rows.map((row) => [row.id, row]));
}

/** The rows in the order of the ids; null for each that is not there. */
export function inOrderOf<Row extends { readonly id: string }>(
  ids: readonly string[],
  rows: readonly Row[],
): (Row | null)[] {
  const known = byId(rows);
  return ids.map((id) => known.get(id) ?? null);
}
