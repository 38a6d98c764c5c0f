import { query, type Statement } from './database.ts';
import { endAttempts, findBy } from './end-attempts.ts';
import { ATTEMPT_COLUMNS, type AttemptRow } from './ledger-rows.ts';
import type { Store } from './store.ts';
import { lockWorkers } from './worker-rows.ts';

/** How long an order may go unconfirmed after an answer has carried it. */
export const STOP_CONFIRMATION_MS = 60_000;

const SILENT_WORKERS: Statement = {
  name: 'silent-workers',
  text: `SELECT id FROM worker WHERE last_seen_at <= $1 AND deleted_at IS NULL AND (is_signed_on AND status <> 'LOST'
    OR EXISTS (SELECT FROM attempt WHERE attempt.worker_id = worker.id AND attempt.ended_at IS NULL))`,
};
const MARK_LOST: Statement = {
  name: 'mark-lost-workers',
  text: `UPDATE worker SET status = 'LOST' WHERE id = ANY($2::uuid[]) AND last_seen_at <= $1 AND is_signed_on AND status <> 'LOST' RETURNING id`,
};
const OF_SILENT_WORKERS: Statement = {
  name: 'attempts-of-silent-workers',
  text: `SELECT ${ATTEMPT_COLUMNS} FROM attempt JOIN worker ON worker.id = attempt.worker_id
    WHERE attempt.ended_at IS NULL AND worker.id = ANY($2::uuid[]) AND worker.last_seen_at <= $1`,
};
const UNCONFIRMED: Statement = {
  name: 'attempts-with-unconfirmed-orders',
  text: `SELECT ${ATTEMPT_COLUMNS} FROM attempt WHERE ended_at IS NULL AND stop_sent_at <= $1`,
};
const OVER_TIME: Statement = {
  name: 'attempts-over-time',
  text: `SELECT ${ATTEMPT_COLUMNS}, job.task_timeout_seconds AS "taskTimeoutSeconds", job.no_output_timeout_seconds AS "noOutputTimeoutSeconds"
    FROM attempt JOIN job ON job.id = attempt.job_id
    WHERE attempt.ended_at IS NULL AND attempt.stop_order IS NULL
      AND (attempt.started_at + job.task_timeout_seconds * interval '1 second' <= $1
        OR attempt.last_output_at + job.no_output_timeout_seconds * interval '1 second' <= $1)`,
};

/**
 * Ends the leases of workers that were silent for too long; their attempts are lost. No lease ends before the gateway
 * has itself been up and connected for one: after an outage of the gateway it is the gateway that was silent.
 */
export async function endLeases(store: Store, upSince: Date): Promise<void> {
  if (!couldBeHeard(store, upSince)) return;
  const silentSince = new Date(store.now().getTime() - store.leaseMs);
  const silent = (await query<{ id: string }>(store.pool, SILENT_WORKERS, [silentSince])).rows.map(({ id }) => id);
  if (silent.length === 0) return;
  const values = [silentSince, silent];
  let lost: string[] = [];
  await endAttempts(
    store,
    findBy(OF_SILENT_WORKERS, values),
    () => ({
      outcome: 'LOST',
      actor: 'gateway',
      failure: { kind: 'WORKER_LOST', message: `The worker was silent for more than ${store.leaseMs / 1000} s.` },
    }),
    // Whose sign of life is just being taken is waited for: who is told to go on is not lost.
    async (client) => {
      await lockWorkers(client, silent);
      lost = (await query<{ id: string }>(client, MARK_LOST, values)).rows.map(({ id }) => id);
      return true;
    },
  );
  if (lost.length > 0) store.announce({ jobIds: new Set(), workerIds: new Set(lost), mayHaveWork: true });
}

/** Whether every worker that is alive has had the time to say what it could not say while the gateway was away. */
function couldBeHeard(store: Store, upSince: Date): boolean {
  return store.now().getTime() - upSince.getTime() >= store.leaseMs;
}

/** Ends attempts whose worker was told to stop and has not confirmed it in time. */
export async function endUnconfirmedStops(store: Store, upSince: Date): Promise<void> {
  if (!couldBeHeard(store, upSince)) return;
  const sentBefore = new Date(store.now().getTime() - STOP_CONFIRMATION_MS);
  await endAttempts(store, findBy(UNCONFIRMED, [sentBefore]), () => ({ outcome: 'STOPPED', actor: 'gateway' }));
}

/** Ends attempts that run longer than their job allows, or that have printed, reported and saved nothing for too long. */
export async function endTimedOutAttempts(store: Store, upSince: Date): Promise<void> {
  if (!couldBeHeard(store, upSince)) return;
  const now = store.now();
  await endAttempts(
    store,
    findBy<LimitedAttempt>(OVER_TIME, [now]),
    ({ startedAt, taskTimeoutSeconds, noOutputTimeoutSeconds }) => {
      const isOverdue = taskTimeoutSeconds !== null && startedAt.getTime() + taskTimeoutSeconds * 1000 <= now.getTime();
      const message = isOverdue
        ? `The task took longer than the ${taskTimeoutSeconds} s that its job allows (taskTimeoutSeconds).`
        : `The task gave no output for ${noOutputTimeoutSeconds} s (noOutputTimeoutSeconds).`;
      return { outcome: 'TIMED_OUT', actor: 'gateway', failure: { kind: 'TIMED_OUT', message } };
    },
  );
}

/** An attempt with the time limits of its job. */
interface LimitedAttempt extends AttemptRow {
  readonly taskTimeoutSeconds: number | null;
  readonly noOutputTimeoutSeconds: number | null;
}
