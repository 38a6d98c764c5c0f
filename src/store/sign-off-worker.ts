import { SessionEndedError } from '../domain/errors.ts';
import { query, type Statement } from './database.ts';
import { endAttempts, liveAttemptsOf } from './end-attempts.ts';
import type { Store } from './store.ts';
import { endOfSession, lockWorkers } from './worker-rows.ts';

const SIGN_OFF: Statement = {
  name: 'sign-off-worker',
  text: `UPDATE worker SET status = 'OFFLINE', is_signed_on = false, last_seen_at = $2,
      requested_status = CASE WHEN requested_status = 'ASLEEP' THEN 'ASLEEP' END
    WHERE id = $1`,
};

/**
 * Ends a session in good order: what it still holds is handed back and does not count as failed.
 *
 * @throws SessionEndedError
 */
export async function signOffWorker(store: Store, workerId: string, sessionNumber: number): Promise<void> {
  await endAttempts(
    store,
    liveAttemptsOf(workerId),
    () => ({ outcome: 'HANDED_BACK', actor: 'gateway' }),
    async (client) => {
      const worker = (await lockWorkers(client, [workerId])).get(workerId);
      const end = worker ? endOfSession(worker, sessionNumber) : 'UNKNOWN';
      if (end) throw new SessionEndedError(end);
      await query(client, SIGN_OFF, [workerId, store.now()]);
      return true;
    },
  );
  // The farm has changed: what others avoided because this worker was there may be theirs now.
  store.announce({ jobIds: new Set(), workerIds: new Set([workerId]), mayHaveWork: true });
}
