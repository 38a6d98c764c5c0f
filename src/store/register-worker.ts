import { createHash, randomBytes } from 'node:crypto';
import type { Pool } from 'pg';
import { v7 as newId } from 'uuid';
import { inTransaction, query, type Statement } from './database.ts';
import type { Store } from './store.ts';

/** One after the other: of many that start at once under one name, each sees the names of those before it. */
const LOCK: Statement = {
  name: 'lock-worker-names',
  text: "SELECT pg_advisory_xact_lock(hashtext('worker names'), 0)",
};
const NAMES: Statement = {
  name: 'worker-names',
  text: `SELECT name FROM worker WHERE deleted_at IS NULL AND (name = $1 OR name LIKE $2 ESCAPE '\\')`,
};
const INSERT: Statement = {
  name: 'register-worker',
  text: `INSERT INTO worker (id, name, token_hash, status, platform, version, task_types, tags, blender_versions, registered_at, last_seen_at)
    VALUES ($1, $2, $3, 'OFFLINE', $4, '', '{}', '{}', '{}', $5, $5) ON CONFLICT DO NOTHING`,
};
const BY_TOKEN: Statement = { name: 'worker-by-token', text: 'SELECT id FROM worker WHERE token_hash = $1' };

/** A user may give another worker the name at the same moment. */
const TRIES = 5;

/** Stores a new worker. A name that is taken gets a suffix: `render-3`, `render-3-2`, … The token is never stored as it is. */
export async function registerWorker(
  store: Store,
  worker: { name: string; platform: string },
): Promise<{ workerId: string; token: string }> {
  const token = randomBytes(32).toString('base64url');
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    const id = newId();
    const isStored = await inTransaction(store.pool, async (client) => {
      await query(client, LOCK);
      const pattern = `${worker.name.replaceAll(/[\\%_]/g, '\\$&')}-%`;
      const { rows } = await query<{ name: string }>(client, NAMES, [worker.name, pattern]);
      const name = freeName(worker.name, new Set(rows.map((row) => row.name)));
      return (await query(client, INSERT, [id, name, hashToken(token), worker.platform, store.now()])).rowCount === 1;
    });
    if (!isStored) continue;
    store.announce({ jobIds: new Set(), workerIds: new Set([id]), mayHaveWork: false });
    return { workerId: id, token };
  }
  throw new Error(`No free name like ${JSON.stringify(worker.name)} was found in ${TRIES} tries.`);
}

/** Tokens never change hands, so what was found once need not be asked again at every call of a worker. */
const KNOWN_AT_MOST = 10_000;
const known = new WeakMap<Pool, Map<string, string>>();

/** The worker (living or deleted) that a token belongs to, or null. */
export async function findWorkerByToken({ pool }: Pick<Store, 'pool'>, token: string): Promise<string | null> {
  const hash = hashToken(token);
  const remembered = known.get(pool) ?? new Map<string, string>();
  known.set(pool, remembered);
  const id = remembered.get(hash) ?? (await query<{ id: string }>(pool, BY_TOKEN, [hash])).rows[0]?.id;
  if (id === undefined) return null;
  if (remembered.size >= KNOWN_AT_MOST) remembered.clear();
  remembered.set(hash, id);
  return id;
}

function freeName(wanted: string, taken: ReadonlySet<string>): string {
  let name = wanted;
  for (let suffix = 2; taken.has(name); suffix += 1) name = `${wanted}-${suffix}`;
  return name;
}

function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
