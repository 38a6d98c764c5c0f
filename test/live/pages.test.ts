import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deleteJob } from '../../src/store/delete-job.ts';
import { setJobStatus } from '../../src/store/set-job-status.ts';
import { updateJob } from '../../src/store/update-job.ts';
import { type Batch, STATUS_CHANGES_ONCE } from '../support/change-stream.ts';
import { globalId, type LiveGateway, startLiveGateway, watch } from '../support/live-gateway.ts';
import { submitPlainJob } from '../support/plain-job.ts';
import { TRANSPORTS } from '../support/server.ts';
import { StoreWorker } from '../support/test-store.ts';

let gateway: LiveGateway;
beforeAll(async () => {
  gateway = await startLiveGateway();
});
afterAll(() => gateway.close());

interface Row {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly waitingFor?: string | null;
}
interface Update {
  readonly __typename: string;
  readonly changed: Row[];
  readonly order: string[];
  readonly cursor: string;
}

const JOBS = `subscription ($filter: JobFilter, $orderBy: JobOrder, $first: Int! = 50) {
  jobsUpdated(filter: $filter, orderBy: $orderBy, first: $first) { __typename order cursor changed { id name status } } }`;
const TASKS = `subscription ($jobId: ID!, $filter: TaskFilter, $first: Int! = 100) {
  tasksUpdated(jobId: $jobId, filter: $filter, first: $first) { __typename
    ... on TasksUpdate { order cursor changed { id name status waitingFor } } ... on NotFoundError { id code } } }`;
const WORKERS = `subscription ($filter: WorkerFilter) { workersUpdated(filter: $filter) { __typename order changed { id name status } } }`;

const cancel = (jobId: string) => setJobStatus(gateway.store, jobId, { request: 'cancel' }, { actor: 'test' });
const jobIds = (ids: readonly string[]) => ids.map((id) => globalId('Job', id));
/** What a client holds that does what the schema says. */
function apply(held: Map<string, Row>, { changed, order }: Update): Row[] {
  for (const row of changed) held.set(row.id, row);
  for (const id of held.keys()) if (!order.includes(id)) held.delete(id);
  return order.map((id) => held.get(id)!);
}

describe.each(TRANSPORTS)('live pages over $name', (transport) => {
  const submitter = `of ${transport.name}`;
  const submit = (name: string, change = {}) => submitPlainJob(gateway.store, 2, { name, submitter, ...change });
  const openJobs = (variables: Record<string, unknown> = {}) =>
    watch<Update>(transport, gateway, JOBS, { filter: { submitter }, ...variables });

  it('jobsUpdated gives the whole page, then what changed and the order, the newest job first', async () => {
    const first = await submit('first');
    const second = await submit('second');
    const stream = openJobs({ first: 2 });
    const page = await stream.next();
    expect(page.order).toEqual(jobIds([second, first]));
    expect(page.changed.map(({ name }) => name)).toEqual(['second', 'first']);

    await updateJob(gateway.store, first, { name: 'renamed' });
    const renamed = await stream.next();
    expect(renamed.changed).toMatchObject([{ name: 'renamed' }]);
    expect(renamed.order).toEqual(page.order);

    const third = await submit('third');
    const entered = await stream.next();
    expect(entered.order).toEqual(jobIds([third, second]));
    expect(entered.changed).toMatchObject([{ name: 'third' }]);

    await deleteJob(gateway.store, third, { actor: 'test' });
    const back = await stream.next();
    expect(back.order).toEqual(jobIds([second, first]));
    expect(back.changed, 'what comes back in').toMatchObject([{ name: 'renamed' }]);
    await stream.close();
    for (const id of [first, second]) await deleteJob(gateway.store, id, { actor: 'test' });
  });

  it('jobsUpdated follows its filter and its order', async () => {
    const low = await submit('low', { priority: 10 });
    const high = await submit('high', { priority: 90 });
    const orderBy = { field: 'PRIORITY', direction: 'DESC' };
    const stream = openJobs({ filter: { submitter, statuses: ['QUEUED'] }, orderBy });
    expect((await stream.next()).order).toEqual(jobIds([high, low]));
    await updateJob(gateway.store, low, { priority: 95 });
    expect(await stream.next()).toMatchObject({ order: jobIds([low, high]), changed: [{ name: 'low' }] });
    await cancel(low);
    expect(await stream.next()).toMatchObject({ order: jobIds([high]), changed: [] });
    await stream.close();
    await cancel(high);
    for (const id of [low, high]) await deleteJob(gateway.store, id, { actor: 'test' });
  });

  it('jobsUpdated says nothing of jobs that are not on the page', async () => {
    const shown = await submit('shown');
    const stream = openJobs();
    await stream.next();
    const other = await submitPlainJob(gateway.store, 1);
    await cancel(other);
    await updateJob(gateway.store, shown, { name: 'touched' });
    const { changed } = await stream.next();
    expect(changed).toMatchObject([{ name: 'touched' }]);
    await stream.close();
    await deleteJob(gateway.store, shown, { actor: 'test' });
  });

  it('a page and its cursor lose nothing between them', async () => {
    const jobId = await submit('seam');
    const stream = openJobs();
    const { cursor } = await stream.next();
    await cancel(jobId);
    const { changes } = await gateway.ask<Batch>(STATUS_CHANGES_ONCE, { after: cursor, filter: { submitter } });
    expect(changes.filter(({ sequence }) => sequence > 2).map(({ sequence }) => sequence)).toEqual([3, 4, 5, 6]);
    await stream.close();
    await deleteJob(gateway.store, jobId, { actor: 'test' });
  });

  it('a client that applies each update holds what the database does, under any changes', async () => {
    const stream = openJobs({ first: 5 });
    const held = new Map<string, Row>();
    const ids: string[] = [];
    const reading = (async () => {
      for (;;) {
        const page = apply(held, await stream.next());
        if (page[0]?.name === 'last') return page;
      }
    })();
    for (let number = 1; number <= 40; number += 1) {
      ids.push(await submit(`job ${number}`));
      if (number % 3 === 0) await cancel(ids.at(-2)!);
      if (number % 4 === 0) await deleteJob(gateway.store, ids.splice(-3, 1)[0]!, { actor: 'test' });
    }
    ids.push(await submit('last'));
    const page = await reading;
    const stored = await gateway.store.prisma.job.findMany({
      where: { submitter },
      orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
      take: 5,
    });
    expect(page.map(({ name, status }) => `${name} ${status.toLowerCase()}`)).toEqual(
      stored.map(({ name, status }) => `${name} ${status}`),
    );
    await stream.close();
    for (const id of ids) await deleteJob(gateway.store, id, { actor: 'test' });
  });

  it('tasksUpdated shows the tasks of a job, and ends when the job is deleted', async () => {
    const jobId = await submit('tasks', { priority: 100 });
    const stream = watch<Update>(transport, gateway, TASKS, { jobId: globalId('Job', jobId) });
    const page = await stream.next();
    expect(page.changed.map(({ name, status }) => `${name} ${status}`)).toEqual(['task 1 QUEUED', 'task 2 QUEUED']);

    const worker = await StoreWorker.signOn(gateway.store, { name: `tasks ${transport.name}` });
    const held = new Map<string, Row>();
    apply(held, page);
    const token = await worker.claim();
    let tasks: Row[];
    do tasks = apply(held, await stream.next());
    while (tasks[0]!.status !== 'ACTIVE');
    await worker.sync(worker.reporting(token, { completed: { outputs: [] } }));
    const done = await stream.next();
    expect(done.changed.map(({ name, status }) => `${name} ${status}`)).toEqual(['task 1 COMPLETED']);
    expect(done.order).toEqual(page.order);

    await cancel(jobId);
    do tasks = apply(held, await stream.next());
    while (tasks[1]!.status !== 'CANCELED');
    await deleteJob(gateway.store, jobId, { actor: 'test' });
    expect(await stream.next()).toMatchObject({ __typename: 'NotFoundError', id: globalId('Job', jobId) });
    await stream.end();
  });

  it('tasksUpdated follows its filter, and ends at once for a job that never was', async () => {
    const jobId = await submit('open tasks');
    const filter = { statuses: ['QUEUED'] };
    const stream = watch<Update>(transport, gateway, TASKS, { jobId: globalId('Job', jobId), filter, first: 1 });
    expect((await stream.next()).changed).toMatchObject([{ name: 'task 1' }]);
    await cancel(jobId);
    expect(await stream.next()).toMatchObject({ order: [], changed: [] });
    await stream.close();
    await deleteJob(gateway.store, jobId, { actor: 'test' });

    const never = watch<Update>(transport, gateway, TASKS, { jobId: globalId('Job', randomUUID()) });
    expect(await never.next()).toMatchObject({ __typename: 'NotFoundError', code: 'NOT_FOUND' });
    await never.end();
  });

  it('workersUpdated shows the workers by name, and what becomes of them', async () => {
    const tag = `tag-${transport.name}`;
    const stream = watch<Update>(transport, gateway, WORKERS, { filter: { tag } });
    expect(await stream.next()).toMatchObject({ order: [], changed: [] });
    const worker = await StoreWorker.signOn(gateway.store, { name: `zoe ${transport.name}` });
    const id = globalId('Worker', worker.id);
    await gateway.ask(`mutation ($input: UpdateWorkerInput!) { updateWorker(input: $input) { __typename } }`, {
      input: { id, tags: [tag] },
    });
    expect(await stream.next()).toMatchObject({ order: [id], changed: [{ id, status: 'AWAKE' }] });
    await worker.sync({ status: 'ASLEEP' });
    expect(await stream.next()).toMatchObject({ order: [id], changed: [{ id, status: 'ASLEEP' }] });
    await gateway.ask(`mutation ($id: ID!) { deleteWorker(input: { id: $id }) { __typename } }`, { id });
    expect(await stream.next()).toMatchObject({ order: [], changed: [] });
    await stream.close();
  });

  it.each([
    ['jobsUpdated', JOBS],
    ['tasksUpdated', TASKS],
  ])('%s refuses a page that nobody can have', async (_, query) => {
    for (const first of [0, 101]) {
      const stream = watch(transport, gateway, query, { first, jobId: globalId('Job', randomUUID()) });
      await expect(stream.next()).rejects.toThrow(`BAD_REQUEST: first is ${first}; it must be from 1 to 100.`);
    }
  });
});
