import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DOCUMENTED_TASK_STATUSES } from '../model/documented-tables.ts';
import { POSSIBLE_PAIRS } from '../model/possible-pairs.ts';
import { enumOf, Farm, type SubmittedJob } from '../support/farm.ts';
import type { FarmWorker } from '../support/farm-worker.ts';
import { independent } from '../support/shape-job-type.ts';

let farm: Farm;
beforeAll(async () => {
  farm = await Farm.start();
});
afterEach(() => farm.endTest());
afterAll(() => farm.close());

interface Setup {
  readonly job: SubmittedJob;
  readonly worker: FarmWorker;
}
/** The tasks of an active job that has one in every status. */
const RICH = ['completed', 'soft-failed', 'failed', 'canceled', 'active, being canceled', 'active', 'queued'];

async function makeRichJob(): Promise<Setup> {
  const worker = await farm.worker('worker', { slots: 2 });
  const job = await farm.submit(independent(RICH.length), { failureLimitPercent: 100 });
  await worker.complete((await worker.claim())!.attemptToken);
  const [first, second] = [await worker.claim(), await worker.claim()];
  await worker.fail(first!.attemptToken);
  await worker.fail(second!.attemptToken);
  await farm.ask('setTaskStatus', { id: job.tasks[2], status: 'FAILED' });
  await farm.ask('cancelTask', { id: job.tasks[3] });
  for (let i = 0; i < 2; i += 1) await worker.claim();
  await farm.ask('cancelTask', { id: job.tasks[4] });
  return { job, worker };
}

/** Jobs in their six statuses; what each of their tasks is, by index. */
const JOBS: Record<string, { tasks: string[]; make(): Promise<Setup> }> = {
  queued: {
    tasks: ['completed', 'failed', 'canceled', 'queued'],
    async make() {
      const worker = await farm.worker();
      const job = await farm.submit(independent(4), { maxAttempts: 1 });
      await worker.complete((await worker.claim())!.attemptToken);
      await worker.fail((await worker.claim())!.attemptToken);
      await farm.ask('requeueTask', { id: job.tasks[3] });
      return { job, worker };
    },
  },
  active: { tasks: RICH, make: makeRichJob },
  completed: {
    tasks: ['completed'],
    async make() {
      const worker = await farm.worker();
      const job = await farm.submit(independent(1));
      await worker.complete((await worker.claim())!.attemptToken);
      return { job, worker };
    },
  },
  failed: {
    tasks: ['completed', 'failed', 'canceled'],
    async make() {
      const worker = await farm.worker();
      const job = await farm.submit(independent(3), { maxAttempts: 1 });
      await worker.complete((await worker.claim())!.attemptToken);
      await worker.fail((await worker.claim())!.attemptToken);
      return { job, worker };
    },
  },
  'cancel-requested': {
    tasks: [
      'completed',
      'canceled',
      'failed',
      'canceled',
      'active, being canceled',
      'active, being canceled',
      'canceled',
    ],
    async make() {
      const { job, worker } = await makeRichJob();
      await farm.ask('cancelJob', { id: job.id });
      return { job, worker };
    },
  },
  canceled: {
    tasks: ['completed', 'canceled', 'failed', 'canceled', 'canceled', 'canceled', 'canceled'],
    async make() {
      const { job, worker } = await makeRichJob();
      await farm.ask('cancelJob', { id: job.id });
      worker.running.clear();
      await worker.sync({ freeSlots: 0 });
      return { job, worker };
    },
  },
};

/** Design §2.2: what users may ask for of a task, and the statuses of job and task then. Everything else is refused. */
const ACCEPTED: Record<string, Record<string, Record<string, [job: string, task: string]>>> = {
  queued: {
    queued: { canceled: ['canceled', 'canceled'] },
    completed: { queued: ['queued', 'queued'] },
    failed: { queued: ['queued', 'queued'], canceled: ['queued', 'canceled'] },
    canceled: { queued: ['queued', 'queued'] },
  },
  active: {
    queued: { canceled: ['active', 'canceled'] },
    active: { canceled: ['active', 'active'] },
    'active, being canceled': { canceled: ['active', 'active'] },
    completed: { queued: ['active', 'queued'] },
    'soft-failed': {
      queued: ['active', 'queued'],
      completed: ['active', 'completed'],
      failed: ['active', 'failed'],
      canceled: ['active', 'canceled'],
    },
    failed: { queued: ['active', 'queued'], canceled: ['active', 'canceled'] },
    canceled: { queued: ['active', 'queued'] },
  },
  completed: { completed: { queued: ['queued', 'queued'] } },
  failed: {
    completed: { queued: ['queued', 'queued'] },
    failed: { queued: ['queued', 'queued'], canceled: ['failed', 'canceled'] },
    canceled: { queued: ['queued', 'queued'] },
  },
  'cancel-requested': { 'active, being canceled': { canceled: ['cancel-requested', 'active'] } },
  canceled: {
    completed: { queued: ['queued', 'queued'] },
    failed: { queued: ['queued', 'queued'], canceled: ['canceled', 'canceled'] },
    canceled: { queued: ['queued', 'queued'] },
  },
};
const SEVEN = DOCUMENTED_TASK_STATUSES.map(({ status }) => status);
const ACTIONS: Record<string, string> = {
  canceled: 'CANCEL',
  queued: 'REQUEUE',
  failed: 'GIVE_UP',
  completed: 'ACCEPT',
};
const MUTATIONS = { canceled: 'cancelTask', queued: 'requeueTask' } as const;

function refusalOf(job: string, from: string, to: string): string {
  if (to === 'paused') return 'NOT_IMPLEMENTED';
  if (!DOCUMENTED_TASK_STATUSES.find(({ status }) => status === from)!.next.includes(to)) return 'NOT_IN_TABLE';
  return job === 'cancel-requested' ? 'JOB_IS_STOPPING' : 'SET_BY_GATEWAY_ONLY';
}

describe.each(Object.entries(JOBS))('in a job that is %s', (jobStatus, { tasks, make }) => {
  const possible = POSSIBLE_PAIRS[jobStatus]!;
  const acceptedOf = (task: string) => ACCEPTED[jobStatus]?.[task] ?? {};
  const accepted = possible.flatMap((task) =>
    Object.entries(acceptedOf(task)).map(([to, [jobThen, taskThen]]) => ({ task, to, jobThen, taskThen })),
  );

  it.each(accepted)(
    'setTaskStatus of a task that is $task is accepted: $to',
    async ({ task, to, jobThen, taskThen }) => {
      const { job } = await make();
      const id = job.tasks[tasks.indexOf(task)]!;
      const isRepeated = task === 'active, being canceled';
      const before = await farm.dump();
      const answer = await farm.ask('setTaskStatus', { id, status: enumOf(to) });
      expect(answer).toMatchObject({
        __typename: 'TaskSuccess',
        changed: !isRepeated,
        task: { id, status: enumOf(taskThen) },
        job: { id: job.id, status: enumOf(jobThen) },
      });
      if (taskThen === 'active') expect(answer.task!.stopRequestedAt).not.toBeNull();
      if (isRepeated) expect(await farm.dump()).toEqual(before);
    },
  );

  it('setTaskStatus of anything else is refused: with what would be accepted, and without a trace', async () => {
    const { job } = await make();
    expect(await farm.statuses(job)).toBe(`${jobStatus}: ${tasks.map((task) => task.split(',')[0]).join(' ')}`);
    const view = await farm.job(job);
    const before = await farm.dump();
    for (const task of possible) {
      const index = tasks.indexOf(task);
      const id = job.tasks[index]!;
      const from = task.split(',')[0]!;
      const accepts = acceptedOf(task);
      const offered = task === 'active, being canceled' ? [] : Object.keys(accepts).map((to) => ACTIONS[to]!);
      expect(view.tasks.nodes[index]!.allowedActions.sort()).toEqual(offered.sort());
      for (const to of SEVEN.filter((status) => !(status in accepts))) {
        const answer = await farm.ask('setTaskStatus', { id, status: enumOf(to) });
        const refused = {
          __typename: 'TaskTransitionError',
          code: 'ILLEGAL_TRANSITION',
          task: { id },
          from: enumOf(from),
          to: enumOf(to),
          refusal: refusalOf(jobStatus, from, to),
        };
        expect(answer).toMatchObject(refused);
        expect(answer.allowed).toEqual(SEVEN.filter((status) => status in accepts).map(enumOf));
        if (to in MUTATIONS)
          expect(await farm.ask(MUTATIONS[to as keyof typeof MUTATIONS], { id })).toMatchObject({
            ...refused,
            allowed: [],
          });
      }
    }
    expect(await farm.dump()).toEqual(before);
  });
});

describe('a mutation of a task that is not there', () => {
  it.each(['cancelTask', 'requeueTask', 'setTaskStatus'] as const)(
    '%s: NotFoundError with the id as it was given',
    async (mutation) => {
      const { job } = await JOBS.completed!.make();
      await farm.ask('deleteJob', { id: job.id });
      for (const id of [job.tasks[0], 'nonsense', job.id])
        expect(
          await farm.ask(mutation, { id, ...(mutation === 'setTaskStatus' && { status: 'QUEUED' }) }),
        ).toMatchObject({ __typename: 'NotFoundError', id });
    },
  );
});
