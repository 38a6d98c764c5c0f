import { setTimeout as delay } from 'node:timers/promises';
import { SyncDesk } from '../../src/dispatch/sync-desk.ts';
import type { Store } from '../../src/store/store.ts';
import type { SyncAnswer } from '../../src/store/sync-call.ts';
import { syncWorkers } from '../../src/store/sync-workers.ts';
import { submitPlainJob } from './plain-job.ts';
import { StoreWorker } from './test-store.ts';

export interface BusyFarm {
  readonly jobs: number;
  readonly tasksEach: number;
  readonly workers: number;
  readonly submitter: string;
  /** Between two tasks of a worker. */
  readonly pauseMs?: number;
}

/** Submits the jobs and has all their tasks executed by workers that do nothing, in a gateway's own batches. */
export async function executeBusyFarm(
  store: Store,
  { jobs, tasksEach, workers, submitter, pauseMs = 0 }: BusyFarm,
): Promise<void> {
  for (let number = 1; number <= jobs; number += 1)
    await submitPlainJob(store, tasksEach, { name: `busy ${String(number).padStart(2, '0')}`, submitter });
  const desk = new SyncDesk((calls) => syncWorkers(store, calls));
  await Promise.all(
    Array.from({ length: workers }, async (_, number) => {
      const worker = await StoreWorker.signOn(store, { name: `busy ${number}` });
      let call = worker.call({ freeSlots: 1 });
      for (;;) {
        const { assignments } = (await desk.answer(call, 0)) as SyncAnswer;
        const [assignment] = assignments;
        if (!assignment) return;
        await delay(pauseMs);
        call = { ...worker.reporting(assignment.token, { completed: { outputs: [] } }), freeSlots: 1 };
      }
    }),
  );
}
