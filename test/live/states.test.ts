import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { deleteJob } from '../../src/store/delete-job.ts';
import { setJobStatus } from '../../src/store/set-job-status.ts';
import { updateJob } from '../../src/store/update-job.ts';
import { globalId, type LiveGateway, startLiveGateway, watch } from '../support/live-gateway.ts';
import { submitPlainJob } from '../support/plain-job.ts';
import { TRANSPORTS } from '../support/server.ts';
import { StoreWorker } from '../support/test-store.ts';

let gateway: LiveGateway;
beforeAll(async () => {
  gateway = await startLiveGateway();
});
afterAll(() => gateway.close());

/** Its tasks are given out before those that other tests have left. */
const URGENT = { priority: 100 };

interface Job {
  readonly __typename: string;
  readonly name: string;
  readonly status: string;
  readonly progress: number;
  readonly waitingFor: string[];
  readonly id?: string;
}
const JOB_UPDATED = `subscription ($id: ID!) { jobUpdated(id: $id) { __typename ... on Job { name status progress waitingFor } ... on NotFoundError { id code } } }`;

interface Task {
  readonly __typename: string;
  readonly status: string;
  readonly progress: number;
  readonly allowedActions: string[];
}
const TASK_UPDATED = `subscription ($id: ID!) { taskUpdated(id: $id) { __typename ... on Task { status progress allowedActions } ... on NotFoundError { id code } } }`;

const cancel = (jobId: string) => setJobStatus(gateway.store, jobId, { request: 'cancel' }, { actor: 'test' });
const rename = (jobId: string, name: string) => updateJob(gateway.store, jobId, { name });

async function taskIdsOf(jobId: string): Promise<string[]> {
  const tasks = await gateway.store.prisma.task.findMany({ where: { jobId }, orderBy: { index: 'asc' } });
  return tasks.map(({ id }) => id);
}

describe.each(TRANSPORTS)('jobUpdated over $name', (transport) => {
  const open = (jobId: string) => watch<Job>(transport, gateway, JOB_UPDATED, { id: globalId('Job', jobId) });

  it('gives the present state at once, and then the newest, whatever of it has changed', async () => {
    const jobId = await submitPlainJob(gateway.store, 1);
    const stream = open(jobId);
    expect(await stream.next()).toMatchObject({ status: 'QUEUED', name: 'plain' });
    await rename(jobId, 'shot_010'); // no event tells of that
    expect(await stream.next()).toMatchObject({ status: 'QUEUED', name: 'shot_010' });
    await cancel(jobId);
    expect(await stream.next()).toMatchObject({ status: 'CANCELED' });
    await stream.close();
  });

  it('follows the progress that a worker reports', async () => {
    const jobId = await submitPlainJob(gateway.store, 1, URGENT);
    const stream = open(jobId);
    await stream.next();
    const worker = await StoreWorker.signOn(gateway.store, { name: `progress ${transport.name}` });
    const token = await worker.claim();
    await worker.sync(worker.reporting(token, { progress: { fraction: 0.5 } }, { running: [token] }));
    let job: Job;
    do job = await stream.next();
    while (job.progress < 0.5);
    expect(job).toMatchObject({ status: 'ACTIVE', progress: 0.5 });
    await worker.sync(worker.reporting(token, { completed: { outputs: [] } }));
    do job = await stream.next();
    while (job.status !== 'COMPLETED');
    expect(job.progress).toBe(1);
    await stream.close();
  });

  it('says anew why tasks wait when a worker comes or goes', async () => {
    const jobId = await submitPlainJob(gateway.store, 1, { workerTag: `gpu-${transport.name}` });
    const stream = open(jobId);
    expect(await stream.next()).toMatchObject({ waitingFor: ['NO_CAPABLE_WORKER'] });
    const worker = await StoreWorker.signOn(gateway.store, { name: `farm ${transport.name}` });
    await gateway.ask(`mutation ($input: UpdateWorkerInput!) { updateWorker(input: $input) { __typename } }`, {
      input: { id: globalId('Worker', worker.id), tags: [`gpu-${transport.name}`] },
    });
    let job: Job;
    do job = await stream.next();
    while (job.waitingFor[0] === 'NO_CAPABLE_WORKER');
    expect(job.waitingFor).toEqual(['ALL_WORKERS_BUSY']);
    await stream.close();
    await cancel(jobId);
  });

  it('gives at most ten a second of a job that changes all the time, and the newest state at the end', async () => {
    const jobId = await submitPlainJob(gateway.store, 1);
    const stream = open(jobId);
    const arrived: number[] = [];
    const reading = (async () => {
      for (;;) {
        const job = await stream.next();
        arrived.push(performance.now());
        if (job.name === 'last') return;
      }
    })();
    const begun = performance.now();
    let writes = 0;
    for (; performance.now() - begun < 1_500; writes += 1) await rename(jobId, `name ${writes}`);
    await rename(jobId, 'last');
    await reading;
    expect(writes).toBeGreaterThan(30);
    expect(arrived.length).toBeGreaterThan(5);
    // The first two can come together: one that is known, and one that has just been read.
    for (const [index, at] of arrived.entries())
      expect(arrived.slice(index).filter((other) => other - at < 1_000).length).toBeLessThanOrEqual(12);
    await stream.close();
  });

  it('ends with NotFoundError when the job is deleted, and for one that never was', async () => {
    const jobId = await submitPlainJob(gateway.store, 1);
    const stream = open(jobId);
    await stream.next();
    await deleteJob(gateway.store, jobId, { actor: 'test' });
    expect(await stream.next()).toEqual({ __typename: 'NotFoundError', id: globalId('Job', jobId), code: 'NOT_FOUND' });
    await stream.end();

    for (const id of [globalId('Job', randomUUID()), globalId('Task', randomUUID()), 'x']) {
      const never = watch<Job>(transport, gateway, JOB_UPDATED, { id });
      expect(await never.next()).toMatchObject({ __typename: 'NotFoundError', id });
      await never.end();
    }
  });
});

describe.each(TRANSPORTS)('taskUpdated over $name', (transport) => {
  const open = (taskId: string) => watch<Task>(transport, gateway, TASK_UPDATED, { id: globalId('Task', taskId) });

  it('gives the task as it is, again when it changes, and not when only others do', async () => {
    const jobId = await submitPlainJob(gateway.store, 3, URGENT);
    const [first, , last] = await taskIdsOf(jobId);
    const streams = { first: open(first!), last: open(last!) };
    expect(await streams.first.next()).toMatchObject({ status: 'QUEUED', progress: 0 });
    expect(await streams.last.next()).toMatchObject({ status: 'QUEUED', allowedActions: ['CANCEL'] });

    const worker = await StoreWorker.signOn(gateway.store, { name: `task ${transport.name}` });
    const token = await worker.claim();
    let task: Task;
    do task = await streams.first.next();
    while (task.status !== 'ACTIVE');
    await worker.sync(worker.reporting(token, { progress: { fraction: 0.25 } }, { running: [token] }));
    expect(await streams.first.next()).toMatchObject({ status: 'ACTIVE', progress: 0.25 });
    await worker.sync(worker.reporting(token, { completed: { outputs: [] } }));
    expect(await streams.first.next()).toMatchObject({ status: 'COMPLETED', progress: 1 });

    await cancel(jobId);
    do task = await streams.last.next();
    while (task.status === 'QUEUED');
    expect(task).toMatchObject({ status: 'CANCELED', allowedActions: ['REQUEUE'] });
    for (const stream of Object.values(streams)) await stream.close();
  });

  it('ends with NotFoundError when its job is deleted', async () => {
    const jobId = await submitPlainJob(gateway.store, 1);
    const [taskId] = await taskIdsOf(jobId);
    const stream = open(taskId!);
    await stream.next();
    await deleteJob(gateway.store, jobId, { actor: 'test' });
    expect(await stream.next()).toMatchObject({ __typename: 'NotFoundError', id: globalId('Task', taskId!) });
    await stream.end();
  });
});

it('asks the database once for all who watch the same job, however many they are', async () => {
  const jobId = await submitPlainJob(gateway.store, 1);
  const [, webSocket] = TRANSPORTS;
  const query = 'subscription ($id: ID!) { jobUpdated(id: $id) { ... on Job { name status } } }';
  const count = async (subscribers: number): Promise<number> => {
    const streams = Array.from({ length: subscribers }, () =>
      watch<Job>(webSocket!, gateway, query, { id: globalId('Job', jobId) }),
    );
    for (const stream of streams) await stream.next();
    await delay(150); // past the gap, so that each has one message to come
    const asked = vi.spyOn(gateway.store.pool, 'query');
    await rename(jobId, `for ${subscribers}`);
    for (const stream of streams) expect(await stream.next()).toMatchObject({ name: `for ${subscribers}` });
    const jobReads = asked.mock.calls.filter(([text]) => JSON.stringify(text).includes('\\"job\\"')).length;
    asked.mockRestore();
    for (const stream of streams) await stream.close();
    return jobReads;
  };
  expect([await count(1), await count(30)]).toEqual([1, 1]);
});
