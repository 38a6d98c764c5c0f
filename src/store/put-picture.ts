import type { ClientBase } from 'pg';
import { validate as isToken, v7 as newId } from 'uuid';
import { isPictureWanted } from '../domain/attempt-actions.ts';
import { InvalidInputError, SessionEndedError, StaleAttemptError } from '../domain/errors.ts';
import { framesFrom } from '../domain/frame-range.ts';
import type { LedgerAttempt } from '../domain/job-ledger.ts';
import type { TaskStatus } from '../domain/task-status.ts';
import { inTransaction, query, type Statement } from './database.ts';
import type { Store } from './store.ts';
import { endOfSession, readWorkers } from './worker-rows.ts';

/** How many pictures of a job are kept, the newest, where the configuration says nothing else. */
export const DEFAULT_PICTURES_PER_JOB = 2_000;

export interface FramePicture {
  readonly attemptToken: string;
  readonly frame: number;
  readonly jpeg: Buffer;
}

/** A picture as it is kept. */
export interface KeptPicture {
  readonly id: string;
  readonly jobId: string;
  readonly frame: number;
}

interface PicturedAttempt extends Pick<LedgerAttempt, 'number' | 'outcome' | 'stopOrder'> {
  readonly jobId: string;
  readonly taskId: string;
  readonly taskStatus: TaskStatus;
  readonly attemptCount: number;
  readonly frames: string | null;
}
/** Not locked: an attempt that ends at this moment has rendered the frame, and INSERT leaves a newer one's picture alone. */
const READ_ATTEMPT: Statement = {
  name: 'picture-attempt',
  text: `SELECT attempt.job_id AS "jobId", task_id AS "taskId", number, outcome, stop_order AS "stopOrder", task.status AS "taskStatus",
      attempt_count AS "attemptCount", frames
    FROM attempt JOIN task ON task.id = task_id WHERE token = $1 AND attempt.worker_id = $2`,
};
const INSERT: Statement = {
  name: 'picture-insert',
  text: `INSERT INTO picture (id, job_id, task_id, frame, attempt_number, jpeg, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (task_id, frame) DO UPDATE
      SET id = excluded.id, attempt_number = excluded.attempt_number, jpeg = excluded.jpeg, created_at = excluded.created_at
      WHERE picture.attempt_number < excluded.attempt_number OR (picture.attempt_number = excluded.attempt_number AND picture.jpeg <> excluded.jpeg)
    RETURNING id`,
};
const FIND: Statement = { name: 'picture-find', text: 'SELECT id FROM picture WHERE task_id = $1 AND frame = $2' };
/** Ids rise with time. */
const DROP_OLD: Statement = {
  name: 'picture-drop-old',
  text: 'DELETE FROM picture WHERE job_id = $1 AND id <= (SELECT id FROM picture WHERE job_id = $1 ORDER BY id DESC OFFSET $2 LIMIT 1)',
};

/** The task was deleted between the look and the insert. */
const FOREIGN_KEY_VIOLATION = '23503';

/**
 * Keeps the picture of a frame in place of an earlier attempt's; repeating it changes nothing. Beyond its limit the job
 * loses its oldest pictures.
 *
 * @throws SessionEndedError, StaleAttemptError; InvalidInputError for a frame that the task does not have
 */
export async function putPicture(
  store: Store,
  session: { workerId: string; sessionNumber: number },
  picture: FramePicture,
): Promise<KeptPicture> {
  try {
    const { kept, isNew } = await inTransaction(store.pool, (client) => put(client, store, session, picture));
    // Who watches the job learns of it: its latest frame can be seen now.
    if (isNew) store.announce({ jobIds: new Set([kept.jobId]), workerIds: new Set(), mayHaveWork: false });
    return kept;
  } catch (error) {
    if ((error as { code?: string }).code === FOREIGN_KEY_VIOLATION) throw new StaleAttemptError(picture.attemptToken);
    throw error;
  }
}

async function put(
  client: ClientBase,
  store: Store,
  session: { workerId: string; sessionNumber: number },
  { attemptToken, frame, jpeg }: FramePicture,
): Promise<{ kept: KeptPicture; isNew: boolean }> {
  const worker = (await readWorkers(client, [session.workerId])).get(session.workerId);
  const end = worker ? endOfSession(worker, session.sessionNumber) : 'UNKNOWN';
  if (end) throw new SessionEndedError(end);
  if (!isToken(attemptToken)) throw new StaleAttemptError(attemptToken);
  const { rows } = await query<PicturedAttempt>(client, READ_ATTEMPT, [attemptToken, session.workerId]);
  const attempt = rows[0];
  if (!attempt || !isPictureWanted(attempt, { status: attempt.taskStatus, attemptCount: attempt.attemptCount }))
    throw new StaleAttemptError(attemptToken);
  const { jobId, taskId, number, frames } = attempt;
  if (frames === null || framesFrom(frames, frame).next().value !== frame) throw refuseFrame(frame, frames);

  const values = [newId(), jobId, taskId, frame, number, jpeg, store.now()];
  const inserted = (await query<{ id: string }>(client, INSERT, values)).rows[0];
  if (inserted) await query(client, DROP_OLD, [jobId, store.picturesPerJob]);
  const found = inserted ?? (await query<{ id: string }>(client, FIND, [taskId, frame])).rows[0];
  if (!found) throw new StaleAttemptError(attemptToken);
  return { kept: { id: found.id, jobId, frame }, isNew: inserted !== undefined };
}

function refuseFrame(frame: number, frames: string | null): InvalidInputError {
  const message = `The task does not have the frame ${frame}.`;
  return new InvalidInputError([
    { path: ['frame'], message, given: frame, allowed: frames ?? 'none: it has no frames' },
  ]);
}
