import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { setTaskStatus } from '../../src/store/set-task-status.ts';
import type { Store } from '../../src/store/store.ts';
import { syncWorkers } from '../../src/store/sync-workers.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { expectConsistent } from '../support/expect-consistent.ts';
import { independent } from '../support/shape-job-type.ts';
import { createTestStore, LockHolder, StoreWorker, submitShape } from '../support/test-store.ts';

let database: TestDatabase;
let store: Store;
let holder: LockHolder;
beforeAll(async () => {
  database = await createTestDatabase();
  store = createTestStore(database);
  holder = await LockHolder.connect(database);
});
afterEach(() => expectConsistent(database.pool));
afterAll(async () => {
  await holder.close();
  await database.drop();
});

describe('the order of transaction ids is the order of each job’s sequence', () => {
  it('also where a claim finds a job only after it has locked its workers', async () => {
    const workers = [await StoreWorker.signOn(store), await StoreWorker.signOn(store)];
    const last = workers.at(-1)!;
    const job = await submitShape(store, independent(3));
    // The claim misses the job at its first look, and stops at the lock of its last worker.
    await holder.holdJob(job.id);
    await holder.holdWorker(last.id);
    const claims = syncWorkers(
      store,
      workers.map((worker) => worker.call({ freeSlots: 1 })),
    );
    await holder.untilWaiting(1);
    await holder.releaseJob(job.id);
    await setTaskStatus(store, job.tasks[0]!, 'canceled', { actor: 'user' });
    await holder.releaseWorker(last.id);
    const given = (await claims).flatMap((result) =>
      'ended' in result ? [] : result.assignments.map(({ taskId }) => taskId),
    );
    expect(given).toEqual(job.tasks.slice(1));
  });
});
