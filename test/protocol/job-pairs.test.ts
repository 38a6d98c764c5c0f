import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DOCUMENTED_JOB_STATUSES } from '../model/documented-tables.ts';
import { enumOf, Farm, type SubmittedJob, wordOf } from '../support/farm.ts';
import { independent } from '../support/shape-job-type.ts';

let farm: Farm;
beforeAll(async () => {
  farm = await Farm.start();
});
afterEach(() => farm.endTest());
afterAll(() => farm.close());

async function submit(input = {}) {
  const worker = await farm.worker();
  return { worker, job: await farm.submit(independent(2), { maxAttempts: 1, ...input }) };
}

/** The six statuses in which a job can rest, and how it comes there. */
const RESTS: Record<string, () => Promise<SubmittedJob>> = {
  queued: async () => (await submit()).job,
  active: async () => {
    const { worker, job } = await submit();
    await worker.claim();
    return job;
  },
  completed: async () => {
    const { worker, job } = await submit();
    for (let i = 0; i < 2; i += 1) await worker.complete((await worker.claim())!.attemptToken);
    return job;
  },
  failed: async () => {
    const { worker, job } = await submit();
    await worker.fail((await worker.claim())!.attemptToken);
    return job;
  },
  'cancel-requested': async () => {
    const { worker, job } = await submit();
    await worker.claim();
    await farm.ask('cancelJob', { id: job.id });
    return job;
  },
  canceled: async () => {
    const { job } = await submit();
    await farm.ask('cancelJob', { id: job.id });
    return job;
  },
};

/** Design §2.2: what users may ask for, and where the job then is. Everything else is refused. */
// biome-ignore format: one status per line
const ACCEPTED: Record<string, Record<string, string>> = {
  'queued':           { 'cancel-requested': 'canceled', 'canceled': 'canceled' },
  'active':           { 'cancel-requested': 'cancel-requested', 'canceled': 'cancel-requested' },
  'completed':        { 'queued': 'queued', 'requeueing': 'queued' },
  'failed':           { 'queued': 'queued', 'cancel-requested': 'canceled', 'canceled': 'canceled', 'requeueing': 'queued' },
  'cancel-requested': { 'cancel-requested': 'cancel-requested', 'canceled': 'cancel-requested' },
  'canceled':         { 'queued': 'queued', 'requeueing': 'queued' },
};
/** The rows of the table that only the gateway takes. */
const GATEWAY_ONLY = ['queued → active', 'active → completed', 'active → failed'];
const NINE = DOCUMENTED_JOB_STATUSES.map(({ status }) => status);

function refusalOf(from: string, to: string): string {
  if (to === 'paused') return 'NOT_IMPLEMENTED';
  return GATEWAY_ONLY.includes(`${from} → ${to}`) ? 'SET_BY_GATEWAY_ONLY' : 'NOT_IN_TABLE';
}

describe.each(Object.keys(RESTS))('from %s', (from) => {
  const accepted = ACCEPTED[from]!;

  it.each(Object.entries(accepted))('setJobStatus %s is accepted: the job is %s then', async (to, then) => {
    const job = await RESTS[from]!();
    const isRepeated = from === 'cancel-requested';
    const before = await farm.dump();
    expect(await farm.ask('setJobStatus', { id: job.id, status: enumOf(to) })).toMatchObject({
      __typename: 'JobSuccess',
      changed: !isRepeated,
      job: { id: job.id, status: enumOf(then) },
    });
    if (isRepeated) expect(await farm.dump()).toEqual(before);
    else
      expect(
        (await farm.history(job))
          .filter(({ kind, reason }) => kind === 'job' && reason === 'USER')
          .map((line) => line.to)[0],
      ).toMatch(/^(cancel-requested|requeueing)$/);
  });

  it('setJobStatus of anything else is refused: with what would be accepted, and without a trace', async () => {
    const job = await RESTS[from]!();
    const before = await farm.dump();
    for (const to of NINE.filter((status) => !(status in accepted))) {
      const answer = await farm.ask('setJobStatus', { id: job.id, status: enumOf(to), comment: 'Please.' });
      expect(answer).toMatchObject({
        __typename: 'JobTransitionError',
        code: 'ILLEGAL_TRANSITION',
        job: { id: job.id },
        from: enumOf(from),
        to: enumOf(to),
        refusal: refusalOf(from, to),
      });
      expect(answer.allowed).toEqual(NINE.filter((status) => status in accepted).map(enumOf));
      if (to === 'paused') expect(answer.message).toContain('not implemented');
    }
    expect(await farm.dump()).toEqual(before);
  });

  it('cancelJob, requeueJob, updateJob and deleteJob do what allowedActions says', async () => {
    const allowed = [
      ...('canceled' in accepted && from !== 'cancel-requested' ? ['CANCEL'] : []),
      ...('queued' in accepted ? ['REQUEUE'] : []),
      'UPDATE',
      ...(from === 'active' || from === 'cancel-requested' ? [] : ['DELETE']),
    ];
    const job = await RESTS[from]!();
    expect((await farm.job(job)).allowedActions).toEqual(allowed);
    const before = await farm.dump();
    for (const [action, mutation, to] of [
      ['CANCEL', 'cancelJob', 'CANCEL_REQUESTED'],
      ['REQUEUE', 'requeueJob', 'REQUEUEING'],
    ] as const) {
      if (allowed.includes(action)) continue;
      const answer = await farm.ask(mutation, { id: job.id });
      if (from === 'cancel-requested' && action === 'CANCEL')
        expect(answer).toMatchObject({ __typename: 'JobSuccess', changed: false });
      else
        expect(answer).toMatchObject({
          __typename: 'JobTransitionError',
          from: enumOf(from),
          to,
          allowed: [],
          refusal: 'NOT_IN_TABLE',
        });
    }
    if (!allowed.includes('DELETE'))
      expect(await farm.ask('deleteJob', { id: job.id })).toMatchObject({
        __typename: 'JobNotDeletableError',
        code: 'JOB_NOT_DELETABLE',
        job: { id: job.id },
      });
    expect(await farm.dump()).toEqual(before);

    const sequence = (await farm.history(job)).length;
    expect(await farm.ask('updateJob', { id: job.id, name: 'another name' })).toMatchObject({
      __typename: 'JobSuccess',
      job: { status: enumOf(from) },
    });
    expect(await farm.history(job)).toHaveLength(sequence);
    if (allowed.includes('DELETE'))
      expect(await farm.ask('deleteJob', { id: job.id })).toMatchObject({
        __typename: 'DeleteSuccess',
        deletedId: job.id,
      });
  });
});

describe('a mutation of a job that is not there', () => {
  it.each(['cancelJob', 'requeueJob', 'setJobStatus', 'updateJob', 'deleteJob'] as const)(
    '%s: NotFoundError with the id as it was given',
    async (mutation) => {
      const gone = await RESTS.queued!();
      await farm.ask('deleteJob', { id: gone.id });
      const worker = await farm.worker();
      for (const id of [gone.id, 'nonsense', worker.id])
        expect(
          await farm.ask(mutation, { id, ...(mutation === 'setJobStatus' && { status: 'QUEUED' }) }),
        ).toMatchObject({ __typename: 'NotFoundError', code: 'NOT_FOUND', id });
    },
  );
});

describe('deleteJob', () => {
  it('leaves nothing of the job but its events, the last of which says so', async () => {
    const job = await RESTS.completed!();
    const { rows: tables } = await farm.query(
      `SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'job_id' AND table_name <> 'event'`,
    );
    await farm.ask('deleteJob', { id: job.id });
    for (const { table_name } of tables) expect((await farm.query(`SELECT FROM ${table_name}`)).rows).toEqual([]);
    expect((await farm.history(job)).at(-1)).toMatchObject({ kind: 'deletion', reason: 'USER', actor: 'anonymous' });
  });
});

describe('updateJob', () => {
  it('leaves what is absent as it is, and clears what is null', async () => {
    const job = await RESTS.active!();
    const read = async () =>
      (await farm.query('SELECT name, priority, max_workers, worker_tag, metadata FROM job')).rows[0];
    await farm.ask('updateJob', {
      id: job.id,
      name: 'shot',
      priority: 90,
      maxWorkers: 3,
      workerTag: 'gpu',
      metadata: { shot: '010' },
    });
    expect(await read()).toEqual({
      name: 'shot',
      priority: 90,
      max_workers: 3,
      worker_tag: 'gpu',
      metadata: { shot: '010' },
    });
    await farm.ask('updateJob', { id: job.id, maxWorkers: null });
    await farm.ask('updateJob', { id: job.id, workerTag: null });
    expect(await read()).toEqual({
      name: 'shot',
      priority: 90,
      max_workers: null,
      worker_tag: null,
      metadata: { shot: '010' },
    });
  });

  it('answers with the cursor of the newest event', async () => {
    const job = await RESTS.active!();
    const { cursor } = await farm.ask('cancelJob', { id: job.id });
    expect((await farm.ask('updateJob', { id: job.id, priority: 1 })).cursor).toBe(cursor);
    expect((await farm.ask('cancelJob', { id: job.id })).cursor).toBe(cursor);
  });
});

it('names the job, its status and what would have worked', async () => {
  const job = await RESTS.completed!();
  expect((await farm.ask('cancelJob', { id: job.id })).message).toBe(
    'Job "job" is completed: cancel-requested does not follow completed; it can become: queued (requeueJob).',
  );
  expect(wordOf('CANCEL_REQUESTED')).toBe('cancel-requested');
});
