import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { VERSION } from '../../src/server/version.ts';
import { Farm } from '../support/farm.ts';
import { independent } from '../support/shape-job-type.ts';

let farm: Farm;
beforeAll(async () => {
  farm = await Farm.start();
});
afterEach(() => farm.endTest());
afterAll(() => farm.close());

interface Count {
  readonly status: string;
  readonly count: number;
}
interface Glance {
  readonly version: string;
  readonly jobCounts: Count[];
  readonly workerCounts: Count[];
  readonly waitingTasks: number;
}

async function look(): Promise<Glance> {
  const { farm: glance } = await farm.gateway.run<{ farm: Glance }>(
    '{ farm { version jobCounts { status count } workerCounts { status count } waitingTasks } }',
  );
  return glance;
}

/** The counts that are not 0, as `ACTIVE 1`. */
const list = (counts: readonly Count[]) =>
  counts.filter(({ count }) => count > 0).map(({ status, count }) => `${status} ${count}`);

describe('farm', () => {
  it('counts nothing on an empty farm, and names every status in its order', async () => {
    const { version, jobCounts, workerCounts, waitingTasks } = await look();
    const { jobStatuses } = await farm.gateway.run<{ jobStatuses: { status: string }[] }>('{ jobStatuses { status } }');
    expect(version).toBe(VERSION);
    expect(jobCounts).toEqual(jobStatuses.map(({ status }) => ({ status, count: 0 })));
    expect(workerCounts.map(({ status }) => status)).toEqual(['AWAKE', 'ASLEEP', 'OFFLINE', 'LOST']);
    expect(waitingTasks).toBe(0);
  });

  it('counts jobs by status, workers by status without deleted ones, and the tasks that wait', async () => {
    const worker = await farm.worker('first');
    const gone = await farm.worker('gone');
    await farm.ask('deleteWorker', { id: gone.id });
    const canceled = await farm.submit(independent(3));
    await farm.ask('cancelJob', { id: canceled.id });
    const active = await farm.submit([[], [], [0, 1]], { priority: 90 });
    const { attemptToken } = (await worker.claim())!;
    await farm.submit(independent(4));

    expect(list((await look()).jobCounts)).toEqual(['QUEUED 1', 'ACTIVE 1', 'CANCELED 1']);
    expect(list((await look()).workerCounts)).toEqual(['AWAKE 1']);
    expect((await look()).waitingTasks).toBe(2 + 4);

    await worker.fail(attemptToken);
    expect(await farm.statuses(active)).toBe('active: soft-failed queued queued');
    expect((await look()).waitingTasks).toBe(3 + 4);
    await farm.ask('cancelJob', { id: active.id });
    expect((await look()).waitingTasks).toBe(4);
  });
});
