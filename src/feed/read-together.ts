/** Ids that one statement asks for at most. */
const MAX_IDS = 500;

interface Wish<Row> {
  readonly id: string;
  readonly resolve: (row: Row | null) => void;
  readonly reject: (error: unknown) => void;
}

/** Makes a function that reads rows by id: those that are asked for at the same moment are read with one statement. */
export function readTogether<Row extends { readonly id: string }>(
  readMany: (ids: string[]) => Promise<Row[]>,
): (id: string) => Promise<Row | null> {
  let wishes: Wish<Row>[] = [];

  async function fulfil(batch: readonly Wish<Row>[]): Promise<void> {
    try {
      const rows = await readMany([...new Set(batch.map(({ id }) => id))]);
      const byId = new Map(rows.map((row) => [row.id, row]));
      for (const { id, resolve } of batch) resolve(byId.get(id) ?? null);
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
          for (let at = 0; at < all.length; at += MAX_IDS) void fulfil(all.slice(at, at + MAX_IDS));
        });
      wishes.push({ id, resolve, reject });
    });
}
