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

const COLUMNS = `id, name, status, requested_status AS "requestedStatus", requested_timing AS "requestedTiming", task_types AS "taskTypes", tags, slots,
  session_number AS "sessionNumber", is_signed_on AS "isSignedOn", last_seen_at AS "lastSeenAt", deleted_at AS "deletedAt"`;

/** After the jobs' locks, in the order of the ids: two transactions that lock workers cannot wait for each other. */
const LOCK: Statement = {
  name: 'lock-workers',
  text: `SELECT ${COLUMNS} FROM worker WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE`,
};
const READ: Statement = { name: 'read-workers', text: `SELECT ${COLUMNS} FROM worker WHERE id = ANY($1::uuid[])` };
const FARM: Statement = {
  name: 'read-farm',
  text: `SELECT id, task_types AS "taskTypes", tags FROM worker
    WHERE status = 'AWAKE' AND is_signed_on AND deleted_at IS NULL AND requested_status IS DISTINCT FROM 'ASLEEP'
      AND requested_status IS DISTINCT FROM 'OFFLINE' AND last_seen_at > $1`,
};
const TOUCH: Statement = {
  name: 'touch-workers',
  text: `UPDATE worker SET last_seen_at = $3, status = c.status,
      requested_status = CASE WHEN requested_status = 'AWAKE' AND c.status = 'AWAKE' THEN NULL ELSE requested_status END
    FROM unnest($1::uuid[], $2::text[]) AS c (id, status) WHERE worker.id = c.id`,
};

export async function lockWorkers(client: ClientBase, ids: readonly string[]): Promise<Map<string, WorkerRow>> {
  const { rows } = await query<WorkerRow>(client, LOCK, [ids]);
  return new Map(rows.map((row) => [row.id, row]));
}

export async function readWorkers(client: ClientBase, ids: readonly string[]): Promise<Map<string, WorkerRow>> {
  const { rows } = await query<WorkerRow>(client, READ, [ids]);
  return new Map(rows.map((row) => [row.id, row]));
}

/** Who takes work at present: awake (busy or not) and seen since then. */
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
