import type { ClientBase } from 'pg';
import { SessionEndedError } from '../domain/errors.ts';
import { offersOf } from '../domain/needs.ts';
import type { WorkerDevice } from '../domain/worker-device.ts';
import type { WorkerStatusRequest } from '../domain/worker-status.ts';
import { query, type Statement } from './database.ts';
import { endAttempts, liveAttemptsOf } from './end-attempts.ts';
import type { Store } from './store.ts';
import { lockWorkers } from './worker-rows.ts';

export interface SignOn {
  readonly version: string;
  readonly taskTypes: readonly string[];
  readonly tags: readonly string[];
  readonly blenderVersions: readonly string[];
  readonly devices: readonly WorkerDevice[];
  /** What tasks may need, beside its Blenders. */
  readonly offers: readonly string[];
  readonly slots: number;
}

/** A sleeping worker that starts again still sleeps; asked to leave or restart, it has done so. */
const SIGN_ON: Statement = {
  name: 'sign-on-worker',
  text: `UPDATE worker SET version = $2, task_types = CASE WHEN has_fixed_task_types THEN task_types ELSE $3::text[] END,
      tags = CASE WHEN has_fixed_tags THEN tags ELSE $4::text[] END, blender_versions = $5, devices = $6, offers = $7, slots = $8,
      session_number = session_number + 1, is_signed_on = true, last_seen_at = $9, requested_status = CASE WHEN requested_status = 'ASLEEP' THEN 'ASLEEP' END,
      status = CASE WHEN requested_status = 'ASLEEP' THEN 'ASLEEP' ELSE 'AWAKE' END
    WHERE id = $1 RETURNING session_number AS "sessionNumber", coalesce(requested_status, 'AWAKE') AS "requestedStatus"`,
};

/**
 * Begins a session. An older session of the same worker ends, and its attempts count as lost at once: a worker that ends
 * in good order signs off first.
 *
 * @throws SessionEndedError when the worker was deleted
 */
export async function signOnWorker(
  store: Store,
  workerId: string,
  signOn: SignOn,
): Promise<{ sessionNumber: number; requestedStatus: WorkerStatusRequest }> {
  let session: { sessionNumber: number; requestedStatus: WorkerStatusRequest } | undefined;
  const begin = async (client: ClientBase): Promise<boolean> => {
    const worker = (await lockWorkers(client, [workerId])).get(workerId);
    if (!worker || worker.deletedAt) throw new SessionEndedError('DELETED');
    const values = [
      workerId,
      signOn.version,
      signOn.taskTypes,
      signOn.tags,
      signOn.blenderVersions,
      JSON.stringify(signOn.devices),
      offersOf(signOn),
      signOn.slots,
      store.now(),
    ];
    session = (await query<{ sessionNumber: number; requestedStatus: WorkerStatusRequest }>(client, SIGN_ON, values))
      .rows[0];
    return true;
  };
  await endAttempts(
    store,
    liveAttemptsOf(workerId),
    () => ({
      outcome: 'LOST',
      actor: 'gateway',
      failure: { kind: 'WORKER_LOST', message: 'The worker signed on anew without having signed off.' },
    }),
    begin,
  );
  // Somebody new may be there for tasks that others avoid.
  store.announce({ jobIds: new Set(), workerIds: new Set([workerId]), mayHaveWork: true });
  return session!;
}
