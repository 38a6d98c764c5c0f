import type { Pool } from 'pg';
import { query, type Statement } from './database.ts';

const OF_FRAME: Statement = {
  name: 'picture-of-frame',
  text: 'SELECT id FROM picture WHERE job_id = $1 AND frame = $2 ORDER BY id = $3 DESC, id DESC LIMIT 1',
};
const LATEST: Statement = {
  name: 'picture-latest',
  text: 'SELECT id FROM picture WHERE job_id = $1 ORDER BY id DESC LIMIT 1',
};
const BYTES: Statement = { name: 'picture-bytes', text: 'SELECT jpeg FROM picture WHERE id = $1' };

/** The picture of a frame: the wanted one if it is still kept, else the newest. Its id, or null. */
export async function findPicture(
  pool: Pool,
  jobId: string,
  frame: number,
  wantedId: string | null,
): Promise<string | null> {
  return (await query<{ id: string }>(pool, OF_FRAME, [jobId, frame, wantedId])).rows[0]?.id ?? null;
}

/** The picture that was made last. */
export async function findLatestPicture(pool: Pool, jobId: string): Promise<string | null> {
  return (await query<{ id: string }>(pool, LATEST, [jobId])).rows[0]?.id ?? null;
}

/** A picture's JPEG; null when it has been replaced or dropped meanwhile. */
export async function readPicture(pool: Pool, id: string): Promise<Buffer | null> {
  return (await query<{ jpeg: Buffer }>(pool, BYTES, [id])).rows[0]?.jpeg ?? null;
}
