import type { ClientBase, Pool } from 'pg';
import { query, type Statement } from '../store/database.ts';

/** An attempt as far as its log goes. */
export interface LoggedAttempt {
  readonly id: string;
  readonly taskId: string;
  readonly jobId: string;
  readonly number: number;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
  /** Of the log so far, in UTF-8. */
  readonly logBytes: number;
}

const COLUMNS = `id, task_id AS "taskId", job_id AS "jobId", number, started_at AS "startedAt", ended_at AS "endedAt", log_bytes AS "logBytes"`;
const BY_ID: Statement = { name: 'log-attempt', text: `SELECT ${COLUMNS} FROM attempt WHERE id = $1` };
/** Of a task: the one with the number, or the newest. */
const OF_TASK: Statement = {
  name: 'log-attempt-of-task',
  text: `SELECT ${COLUMNS} FROM attempt WHERE task_id = $1 AND ($2::integer IS NULL OR number = $2) ORDER BY number DESC LIMIT 1`,
};

/** Only days on which the attempt can have written are looked at; the day before allows for clocks that differ. */
const CHUNKS: Statement = {
  name: 'log-chunks',
  text: `SELECT "offset", text FROM task_log_chunk
    WHERE attempt_id = $1 AND day >= ($2::timestamptz AT TIME ZONE 'UTC')::date - 1 AND "offset" < $4::bigint
      AND "offset" >= coalesce((SELECT max("offset") FROM task_log_chunk WHERE attempt_id = $1
        AND day >= ($2::timestamptz AT TIME ZONE 'UTC')::date - 1 AND "offset" <= $3::bigint), 0)
    ORDER BY "offset"`,
};

export async function findLoggedAttempt(client: ClientBase | Pool, id: string): Promise<LoggedAttempt | null> {
  return (await query<LoggedAttempt & object>(client, BY_ID, [id])).rows[0] ?? null;
}

export async function findAttemptOfTask(
  client: ClientBase | Pool,
  taskId: string,
  number: number | null,
): Promise<LoggedAttempt | null> {
  return (await query<LoggedAttempt & object>(client, OF_TASK, [taskId, number])).rows[0] ?? null;
}

const START: Statement = {
  name: 'log-start',
  text: 'SELECT min("offset") AS start FROM task_log_chunk WHERE attempt_id = $1',
};

/** Where the stored log begins: later than 0 when its first days have been dropped; at its end when all have. */
export async function findLogStart(client: ClientBase | Pool, { id, logBytes }: LoggedAttempt): Promise<number> {
  return (await query<{ start: number | null }>(client, START, [id])).rows[0]?.start ?? logBytes;
}

/** A part of a log as it is stored. */
export interface LogBytes {
  /** Where it begins: later than was asked for when what was there has been dropped. */
  readonly start: number;
  readonly bytes: Buffer;
}

/** The stored bytes from `from` up to `until`, exclusive. Empty when there are none any more, or none yet. */
export async function readLogBytes(
  client: ClientBase | Pool,
  { id, startedAt, logBytes }: LoggedAttempt,
  from: number,
  until: number,
): Promise<LogBytes> {
  const end = Math.min(until, logBytes);
  const chunks =
    from < end ? (await query<{ offset: number; text: string }>(client, CHUNKS, [id, startedAt, from, end])).rows : [];
  const first = chunks[0];
  if (!first) return { start: Math.max(from, end), bytes: Buffer.alloc(0) };
  const start = Math.max(from, first.offset);
  const all = Buffer.concat(chunks.map(({ text }) => Buffer.from(text, 'utf8')));
  return { start, bytes: all.subarray(start - first.offset, end - first.offset) };
}
