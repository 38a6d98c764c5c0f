import { NotFoundError } from '../domain/errors.ts';
import { query, type Statement } from './database.ts';
import { endAttempts, liveAttemptsOf } from './end-attempts.ts';
import type { Store } from './store.ts';
import { lockWorkers } from './worker-rows.ts';

/** The row stays for the attempts that name it; its name is free again, its token is told that it was deleted. */
const DELETE: Statement = {
  name: 'delete-worker',
  text: `UPDATE worker SET deleted_at = $2, status = 'OFFLINE', is_signed_on = false, requested_status = NULL WHERE id = $1`,
};

/**
 * Deletes a worker: its attempts end at once as stopped and do not count as failed.
 *
 * @throws NotFoundError
 */
export async function deleteWorker(store: Store, workerId: string): Promise<void> {
  await endAttempts(
    store,
    liveAttemptsOf(workerId),
    () => ({ outcome: 'STOPPED', actor: 'gateway' }),
    async (client) => {
      const worker = (await lockWorkers(client, [workerId])).get(workerId);
      if (!worker || worker.deletedAt) throw new NotFoundError('worker', workerId);
      await query(client, DELETE, [workerId, store.now()]);
      return true;
    },
  );
  store.announce({ jobIds: new Set(), workerIds: new Set([workerId]), mayHaveWork: true });
}
