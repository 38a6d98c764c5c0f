import type { ClientBase } from 'pg';
import { validate as isToken } from 'uuid';
import { mayComeBack } from '../domain/attempt-actions.ts';
import { SessionEndedError, StaleAttemptError } from '../domain/errors.ts';
import type { LedgerAttempt } from '../domain/job-ledger.ts';
import type { TaskStatus } from '../domain/task-status.ts';
import { inTransaction, query, type Statement } from './database.ts';
import type { Store } from './store.ts';
import { endOfSession, readWorkers } from './worker-rows.ts';

/** How much of an attempt's output is kept, in bytes, where the configuration says nothing else. */
export const DEFAULT_LOG_LIMIT_BYTES = 10 * 1024 * 1024;

export interface LogPiece {
  readonly attemptToken: string;
  /** Bytes of the log before this piece, in UTF-8. */
  readonly offset: number;
  readonly text: string;
}

interface LoggedAttempt extends Pick<LedgerAttempt, 'id' | 'number' | 'outcome' | 'stopOrder'> {
  readonly logBytes: number;
  readonly logTruncated: boolean;
  readonly taskStatus: TaskStatus;
  readonly attemptCount: number;
}
const LOCK_ATTEMPT: Statement = {
  name: 'log-lock-attempt',
  text: `SELECT attempt.id, log_bytes AS "logBytes", log_truncated AS "logTruncated", outcome, stop_order AS "stopOrder", number,
      task.status AS "taskStatus", attempt_count AS "attemptCount"
    FROM attempt JOIN task ON task.id = task_id WHERE token = $1 AND attempt.worker_id = $2 FOR NO KEY UPDATE OF attempt`,
};
const APPEND: Statement = {
  name: 'log-append',
  text: `WITH attempt AS (
      UPDATE attempt SET log_bytes = log_bytes + $3, log_truncated = $4, last_output_at = $5 WHERE id = $1 RETURNING id
    ) INSERT INTO task_log_chunk (attempt_id, "offset", day, bytes, text) SELECT id, $2, ($5::timestamptz AT TIME ZONE 'UTC')::date, $3, $6 FROM attempt`,
};

/**
 * Appends to an attempt's log; repeating a piece changes nothing, a piece beyond the end stores nothing. The answer says
 * which offset is wanted next, and whether the log is full: then nothing more is kept and nothing more need be sent.
 *
 * @throws SessionEndedError, StaleAttemptError
 */
export async function appendTaskLog(
  store: Store,
  session: { workerId: string; sessionNumber: number },
  piece: LogPiece,
): Promise<{ nextOffset: number; truncated: boolean; attemptId: string }> {
  return await inTransaction(store.pool, (client) => append(client, store, session, piece));
}

async function append(
  client: ClientBase,
  store: Store,
  session: { workerId: string; sessionNumber: number },
  piece: LogPiece,
) {
  const worker = (await readWorkers(client, [session.workerId])).get(session.workerId);
  const end = worker ? endOfSession(worker, session.sessionNumber) : 'UNKNOWN';
  if (end) throw new SessionEndedError(end);
  if (!isToken(piece.attemptToken)) throw new StaleAttemptError(piece.attemptToken);
  const { rows } = await query<LoggedAttempt>(client, LOCK_ATTEMPT, [piece.attemptToken, session.workerId]);
  const attempt = rows[0];
  // A lost attempt may come back, and then its log must have no hole.
  const takesMore =
    attempt &&
    (attempt.outcome === null ||
      mayComeBack(attempt, { status: attempt.taskStatus, attemptCount: attempt.attemptCount }));
  if (!takesMore) throw new StaleAttemptError(piece.attemptToken);

  const bytes = Buffer.from(piece.text, 'utf8');
  const given = { nextOffset: piece.offset + bytes.length, truncated: true, attemptId: attempt.id };
  if (attempt.logTruncated) return given;
  const known = attempt.logBytes - piece.offset;
  if (known < 0 || known >= bytes.length)
    return { nextOffset: attempt.logBytes, truncated: false, attemptId: attempt.id };
  const fresh = bytes.subarray(known);
  const room = store.logLimitBytes - attempt.logBytes;
  const isFull = fresh.length > room;
  const kept = isFull ? cutAtCharacter(fresh, room) : fresh;
  // NUL is no text for PostgreSQL; its stand-in has as many bytes.
  const text =
    kept.toString('utf8').replaceAll('\0', '\x1a') +
    (isFull ? `\n[log cut here: more than ${store.logLimitBytes} bytes]\n` : '');
  await query(client, APPEND, [
    attempt.id,
    attempt.logBytes,
    isFull ? Buffer.byteLength(text) : kept.length,
    isFull,
    store.now(),
    text,
  ]);
  return isFull ? given : { nextOffset: attempt.logBytes + kept.length, truncated: false, attemptId: attempt.id };
}

/** The longest start of at most `length` bytes that does not end inside a character. */
function cutAtCharacter(bytes: Buffer, length: number): Buffer {
  let end = Math.max(0, length);
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end);
}
