import fc from 'fast-check';
import { v7 as newId } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeId } from '../../src/graphql/global-id.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { PAGE, walkPages } from '../support/page-walk.ts';
import { seedOf } from '../support/random.ts';
import { TEST_JOB_TYPES } from '../support/shape-job-type.ts';
import { StoreWorker, submitShape } from '../support/test-store.ts';

interface StoredTask {
  readonly id: string;
  readonly index: number;
  readonly status: string;
  readonly workerId: string | null;
  readonly frames: readonly number[];
}

const SEED = seedOf();
const TASKS = 60;
const WAYS = ['forward', 'backward'];
const STATUSES = ['queued', 'active', 'completed', 'soft-failed', 'failed', 'canceled'];

let gateway: TestGateway;
let jobs: { readonly id: string; readonly tasks: StoredTask[] }[];
let workerIds: string[];
beforeAll(async () => {
  gateway = await startTestGateway({ jobTypes: TEST_JOB_TYPES });
  await gateway.sweep.stop();
  const { store } = gateway;
  workerIds = [];
  for (const name of ['a', 'b', 'c']) workerIds.push((await StoreWorker.signOn(store, { name })).id);
  jobs = [];
  for (let n = 0; n < 3; n += 1) {
    // The last task waits for every third of the others; each fourth has no frames, the others every third of seven.
    const compiled = Array.from({ length: TASKS }, (_, index) => ({
      name: `task ${index}`,
      type: 'misc',
      frames: index % 4 === 3 ? null : `${index - 5}..${index + 1}x3`,
      commands: [],
      dependsOn: index === TASKS - 1 ? Array.from({ length: TASKS / 3 }, (_, at) => at * 3) : [],
    }));
    const { id, tasks } = await submitShape(store, [], { tasks: compiled });
    const state = fc.record({ status: fc.constantFrom(...STATUSES), workerId: fc.constantFrom(null, ...workerIds) });
    const states = fc.sample(state, { numRuns: TASKS, seed: SEED + n });
    jobs.push({
      id,
      tasks: tasks.map((taskId, index) => ({
        id: taskId,
        index,
        frames: index % 4 === 3 ? [] : [index - 5, index - 2, index + 1],
        ...states[index]!,
      })),
    });
  }
  await gateway.database.pool.query(
    `UPDATE task SET status = c.status, worker_id = c."workerId" FROM json_to_recordset($1) AS c(id uuid, status text, "workerId" uuid) WHERE task.id = c.id`,
    [JSON.stringify(jobs.flatMap(({ tasks }) => tasks))],
  );
});
afterAll(() => gateway.close());

interface Filter {
  readonly asked: Record<string, unknown>;
  readonly fits: (task: StoredTask) => boolean;
}
const enumOf = (status: string) => status.toUpperCase().replaceAll('-', '_');
const statuses: fc.Arbitrary<Filter> = fc.subarray(STATUSES).map((some) => ({
  asked: { statuses: some.map(enumOf) },
  fits: ({ status }) => some.includes(status),
}));
const worker: fc.Arbitrary<Filter> = fc.nat(3).map((n) => {
  const id = workerIds[n] ?? newId();
  return { asked: { workerId: encodeId('Worker', id) }, fits: ({ workerId }) => workerId === id };
});
const frame: fc.Arbitrary<Filter> = fc
  .oneof(fc.integer({ min: -8, max: TASKS + 3 }), fc.constantFrom(2_147_483_647, -2_147_483_648))
  .map((number) => ({ asked: { frame: number }, fits: ({ frames }) => frames.includes(number) }));
// biome-ignore format: one filter per line
const FILTERS: [string, fc.Arbitrary<Filter>][] = [
  ['no filter',           fc.constantFrom({}, null, undefined).map((asked) => ({ asked: asked as Record<string, unknown>, fits: () => true }))],
  ['statuses',            statuses],
  ['one status twice',    fc.constantFrom(...STATUSES).map((one) => ({ asked: { statuses: [enumOf(one), enumOf(one)] }, fits: ({ status }) => status === one }))],
  ['workerId',            worker],
  ['no worker at all',    fc.constantFrom('nonsense', encodeId('Job', newId())).map((workerId) => ({ asked: { workerId }, fits: () => false }))],
  ['frame',               frame],
  ['all of them',         fc.tuple(statuses, worker, frame).map((all) => ({ asked: Object.assign({}, ...all.map(({ asked }) => asked)) as Record<string, unknown>, fits: (task) => all.every(({ fits }) => fits(task)) }))],
  ['statuses, frame',     fc.tuple(statuses, frame).map(([a, b]) => ({ asked: { ...a.asked, ...b.asked }, fits: (task) => a.fits(task) && b.fits(task) }))],
  ['statuses, workerId',  fc.tuple(statuses, worker).map(([a, b]) => ({ asked: { ...a.asked, ...b.asked }, fits: (task) => a.fits(task) && b.fits(task) }))],
];

const QUERY = `query ($id: ID!, $filter: TaskFilter, $first: Int, $after: String, $last: Int, $before: String) {
  job(id: $id) { tasks(filter: $filter, first: $first, after: $after, last: $last, before: $before) { ${PAGE} } } }`;

describe.each(WAYS)("a job's tasks, paged %s", (way) => {
  it.each(FILTERS)('are those that fit, each once and in order: %s', async (_, filter) => {
    const [{ id, tasks }] = jobs as [(typeof jobs)[number]];
    await fc.assert(
      fc.asyncProperty(filter, fc.integer({ min: 1, max: 40 }), async ({ asked, fits }, size) => {
        const variables = { id: encodeId('Job', id), filter: asked };
        const walked = await walkPages(gateway, QUERY, variables, { size, isBackward: way === 'backward' });
        const ids = tasks.filter(fits).map((task) => encodeId('Task', task.id));
        expect(walked).toEqual({ ids, totalCount: ids.length });
      }),
      { numRuns: 8, seed: SEED },
    );
  });

  it.each(FILTERS)('are their own for each job of a list: %s', async (_, filter) => {
    const isBackward = way === 'backward';
    await fc.assert(
      fc.asyncProperty(filter, fc.integer({ min: 1, max: 40 }), async ({ asked, fits }, size) => {
        const answer = await gateway.run<{
          jobs: { nodes: { id: string; tasks: { nodes: { id: string }[]; totalCount: number } }[] };
        }>(
          `query ($filter: TaskFilter, $first: Int, $last: Int) { jobs { nodes { id tasks(filter: $filter, first: $first, last: $last) { nodes { id } totalCount } } } }`,
          { filter: asked, [isBackward ? 'last' : 'first']: size },
        );
        expect(answer.jobs.nodes).toHaveLength(jobs.length);
        for (const { id, tasks } of answer.jobs.nodes) {
          const job = jobs.find((each) => encodeId('Job', each.id) === id)!;
          const ids = job.tasks.filter(fits).map((task) => encodeId('Task', task.id));
          expect(tasks.nodes.map((task) => task.id)).toEqual(isBackward ? ids.slice(-size) : ids.slice(0, size));
          expect(tasks.totalCount).toBe(ids.length);
        }
      }),
      { numRuns: 4, seed: SEED },
    );
  });

  it('that one waits for come in the order of the job', async () => {
    const [{ tasks }] = jobs as [(typeof jobs)[number]];
    const query = `query ($id: ID!, $first: Int, $after: String, $last: Int, $before: String) {
      task(id: $id) { dependencies(first: $first, after: $after, last: $last, before: $before) { ${PAGE} } } }`;
    const ids = tasks.filter(({ index }) => index % 3 === 0).map((task) => encodeId('Task', task.id));
    for (const size of [1, 7, 100]) {
      const variables = { id: encodeId('Task', tasks.at(-1)!.id) };
      const walked = await walkPages(gateway, query, variables, { size, isBackward: way === 'backward' });
      expect(walked).toEqual({ ids, totalCount: ids.length });
    }
  });
});

describe.each(WAYS)('attempts, paged %s', (way) => {
  it('are those of the task, by their number', async () => {
    const { store } = gateway;
    const { id, tasks } = await submitShape(store, [[], []], { priority: 100, maxAttempts: 20 });
    const row = {
      jobId: id,
      workerId: workerIds[0]!,
      sessionNumber: 1,
      startedAt: new Date(),
      lastOutputAt: new Date(),
    };
    const attempts = Array.from({ length: 12 }, (_, n) => ({ id: newId(), number: 12 - n, taskId: tasks[0]! }));
    for (const attempt of [...attempts, { id: newId(), number: 1, taskId: tasks[1]! }])
      await store.prisma.attempt.create({
        data: { ...row, ...attempt, token: newId(), outcome: 'FAILED', endedAt: new Date() },
      });
    const query = `query ($id: ID!, $first: Int, $after: String, $last: Int, $before: String) {
      task(id: $id) { attempts(first: $first, after: $after, last: $last, before: $before) { ${PAGE} } } }`;
    const ids = attempts.toReversed().map((attempt) => encodeId('Attempt', attempt.id));
    for (const size of [1, 5, 100]) {
      const options = { size, isBackward: way === 'backward' };
      expect(await walkPages(gateway, query, { id: encodeId('Task', tasks[0]!) }, options)).toEqual({
        ids,
        totalCount: 12,
      });
    }
    await gateway.database.pool.query('DELETE FROM job WHERE id = $1', [id]);
  });
});
