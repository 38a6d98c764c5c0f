import type { ClientBase } from 'pg';
import type { SessionEnd } from '../domain/errors.ts';
import type { FarmWorker } from '../domain/failure-policy.ts';
import type {
  ReportedWorkerStatus,
  RequestTiming,
  WorkerStatus,
  WorkerStatusRequest,
} from '../domain/worker-status.ts';
import { query, type Statement } from './database.ts';
import { jobLockKey } from './job-locks.ts';

export interface WorkerRow extends FarmWorker {
  readonly name: string;
  readonly status: WorkerStatus;
  readonly requestedStatus: WorkerStatusRequest | null;
  readonly requestedTiming: RequestTiming | null;
  readonly slots: number;
  readonly sessionNumber: number;
  readonly isSignedOn: boolean;
  readonly lastSeenAt: Date;
  readonly deletedAt: Date | null;
}

const COLUMNS = `id, name, status, requested_status AS "requestedStatus", requested_timing AS "requestedTiming", task_types AS "taskTypes", tags, offers, slots,
  session_number AS "sessionNumber", is_signed_on AS "isSignedOn", last_seen_at AS "lastSeenAt", deleted_at AS "deletedAt"`;

/**
 * After the jobs' locks, in the order of the keys. Advisory locks as well, because a row lock would take a transaction id:
 * a claim may still lock further jobs after it, and then the ids would not be in the order of those jobs' sequences.
 * Two-part keys are a space of their own beside the jobs' keys.
 */
const LOCK: Statement = {
  name: 'lock-workers',
  text: `SELECT pg_advisory_xact_lock(high, low)
    FROM (SELECT high, low FROM unnest($1::integer[], $2::integer[]) AS key (high, low) ORDER BY high, low OFFSET 0) AS sorted`,
};
const READ: Statement = { name: 'read-workers', text: `SELECT ${COLUMNS} FROM worker WHERE id = ANY($1::uuid[])` };
const FARM: Statement = {
  name: 'read-farm',
  text: `SELECT id, task_types AS "taskTypes", tags, offers FROM worker
    WHERE status = 'AWAKE' AND is_signed_on AND deleted_at IS NULL AND coalesce(requested_status, 'AWAKE') = 'AWAKE'
      AND last_seen_at > $1`,
};
const TOUCH: Statement = {
  name: 'touch-workers',
  text: `UPDATE worker SET last_seen_at = $3, status = c.status,
      requested_status = CASE WHEN requested_status = 'AWAKE' AND c.status = 'AWAKE' THEN NULL ELSE requested_status END
    FROM unnest($1::uuid[], $2::text[]) AS c (id, status) WHERE worker.id = c.id`,
};

/** Waits until this transaction alone holds the workers, and reads them. */
export async function lockWorkers(client: ClientBase, ids: readonly string[]): Promise<Map<string, WorkerRow>> {
  const keys = ids.map(workerLockKey);
  await query(client, LOCK, [keys.map(([high]) => high), keys.map(([, low]) => low)]);
  return await readWorkers(client, ids);
}

/** The advisory lock of a worker: its uuid folded into two 32-bit integers. */
export function workerLockKey(id: string): [high: number, low: number] {
  const key = jobLockKey(id);
  return [Number(key >> 32n), Number(BigInt.asIntN(32, key))];
}

export async function readWorkers(client: ClientBase, ids: readonly string[]): Promise<Map<string, WorkerRow>> {
  const { rows } = await query<WorkerRow>(client, READ, [ids]);
  return new Map(rows.map((row) => [row.id, row]));
}

/** Who takes work at present: awake (busy or not), not asked for anything else, and seen since then. */
export async function readFarm(client: ClientBase, seenSince: Date): Promise<FarmWorker[]> {
  return (await query<FarmWorker>(client, FARM, [seenSince])).rows;
}

/** Notes a sign of life and what the workers say of themselves. */
export async function touchWorkers(
  client: ClientBase,
  workers: readonly { id: string; status: ReportedWorkerStatus }[],
  now: Date,
): Promise<void> {
  if (workers.length === 0) return;
  await query(client, TOUCH, [workers.map(({ id }) => id), workers.map(({ status }) => status), now]);
}

/** Why a session is over; null while it is the worker's own. */
export function endOfSession(worker: WorkerRow, sessionNumber: number): SessionEnd | null {
  if (worker.deletedAt) return 'DELETED';
  if (sessionNumber < worker.sessionNumber) return 'SIGNED_ON_ELSEWHERE';
  return sessionNumber === worker.sessionNumber && worker.isSignedOn ? null : 'UNKNOWN';
}

/** Whether the worker has been asked for something else than to work. */
export function isAskedAway(worker: Pick<WorkerRow, 'requestedStatus'>): boolean {
  return worker.requestedStatus !== null && worker.requestedStatus !== 'AWAKE';
}
