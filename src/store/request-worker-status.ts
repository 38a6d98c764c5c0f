import { NotFoundError } from '../domain/errors.ts';
import type { RequestTiming, WorkerStatusRequest } from '../domain/worker-status.ts';
import { query, type Statement } from './database.ts';
import { endAttempts, liveAttemptsOf } from './end-attempts.ts';
import type { Store } from './store.ts';
import { lockWorkers } from './worker-rows.ts';

/** A worker that is away has nothing to restart or to leave; being asleep or awake waits for its return. */
const REQUEST: Statement = {
  name: 'request-worker-status',
  text: `UPDATE worker SET requested_timing = $3,
      requested_status = CASE WHEN NOT is_signed_on AND $2 <> 'ASLEEP' THEN NULL WHEN $2 = 'AWAKE' AND status = 'AWAKE' THEN NULL ELSE $2 END
    WHERE id = $1`,
};

/**
 * Asks a worker to be awake, asleep or offline, or to restart. NOW recalls what it is executing (not counted as failed);
 * AFTER_CURRENT_TASK lets it finish. Either way it gets no new work unless it is asked to be awake.
 *
 * @throws NotFoundError
 */
export async function requestWorkerStatus(
  store: Store,
  workerId: string,
  status: WorkerStatusRequest,
  timing: RequestTiming,
): Promise<void> {
  await endAttempts(
    store,
    liveAttemptsOf(workerId),
    () => 'recall',
    async (client) => {
      const worker = (await lockWorkers(client, [workerId])).get(workerId);
      if (!worker || worker.deletedAt) throw new NotFoundError('worker', workerId);
      await query(client, REQUEST, [workerId, status, timing]);
      return timing === 'NOW' && status !== 'AWAKE';
    },
  );
  store.announce({ jobIds: new Set(), workerIds: new Set([workerId]), mayHaveWork: true });
}
