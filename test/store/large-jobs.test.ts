import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deleteJob } from '../../src/store/delete-job.ts';
import { deleteWorker } from '../../src/store/delete-worker.ts';
import { setJobStatus } from '../../src/store/set-job-status.ts';
import { setManyTaskStatuses } from '../../src/store/set-many-task-statuses.ts';
import type { Store } from '../../src/store/store.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { expectConsistent } from '../support/expect-consistent.ts';
import { submitPlainJob } from '../support/plain-job.ts';
import { type Statement, StatementLog } from '../support/statements.ts';
import { createTestStore, StoreWorker } from '../support/test-store.ts';

const SMALL = 10;
const LARGE = 10_000;

let database: TestDatabase;
let log: StatementLog;
let store: Store;
let workers: StoreWorker[];
beforeAll(async () => {
  database = await createTestDatabase();
  log = new StatementLog(database.pool);
  store = createTestStore(database);
  workers = [];
  for (const name of ['a', 'b']) workers.push(await StoreWorker.signOn(store, { name }));
});
afterAll(() => database.drop());

const ASKER = { actor: 'test' };

/** A job whose last task waits for all the others, with one task that is being executed. */
async function submitRunning(tasks: number): Promise<{ id: string; finish: () => Promise<void> }> {
  const job = Array.from({ length: tasks }, (_, index) => ({
    name: `task ${index + 1}`,
    type: 'misc',
    frames: null,
    commands: [],
    dependsOn: index === tasks - 1 ? Array.from({ length: tasks - 1 }, (__, at) => at) : [],
  }));
  const id = await submitPlainJob(store, tasks, { tasks: job, priority: 100 });
  const [worker] = workers as [StoreWorker];
  const token = await worker.claim();
  return {
    id,
    async finish() {
      await worker.sync(worker.reporting(token, { stopped: { handedBack: false } }));
    },
  };
}

/** The statements by their text, each with how often it ran. */
function shapesOf(statements: readonly Statement[]): string[] {
  return statements.map(({ text }) => text).sort();
}

/** What it takes to do something to a job, its statements once per size. */
async function compare(run: (tasks: number) => Promise<Statement[]>): Promise<{ few: string[]; many: string[] }> {
  const few = shapesOf(await run(SMALL));
  const many = shapesOf(await run(LARGE));
  await expectConsistent(database.pool);
  return { few, many };
}

/** How many of the statements write this table. */
const writes = (statements: readonly string[], table: string) =>
  statements.filter((text) => new RegExp(`^\\s*(UPDATE|INSERT INTO|DELETE FROM) ${table}\\b`).test(text)).length;

describe(`a job of ${LARGE.toLocaleString('en')} tasks takes the statements of one of ${SMALL}`, () => {
  it('to be canceled while it runs', async () => {
    const { few, many } = await compare(async (tasks) => {
      const job = await submitRunning(tasks);
      const statements = await log.during(() => setJobStatus(store, job.id, { request: 'cancel' }, ASKER));
      await job.finish();
      return statements;
    });
    expect(many).toEqual(few);
    for (const table of ['job', 'task', 'attempt', 'event']) expect(writes(many, table), table).toBe(1);
  });

  it('to be requeued, canceled or completed', async () => {
    for (const status of ['canceled', 'completed']) {
      const { few, many } = await compare(async (tasks) => {
        const id = await submitPlainJob(store, tasks);
        if (status === 'canceled') await setJobStatus(store, id, { request: 'cancel' }, ASKER);
        else await completeAll();
        const statements = await log.during(() => setJobStatus(store, id, { request: 'requeue' }, ASKER));
        await deleteJob(store, id, ASKER);
        return statements;
      });
      expect(many).toEqual(few);
      for (const table of ['job', 'task', 'event']) expect(writes(many, table), table).toBe(1);
    }
  });

  it('to be deleted', async () => {
    const { few, many } = await compare(async (tasks) => {
      const job = await submitRunning(tasks);
      await setJobStatus(store, job.id, { request: 'cancel' }, ASKER);
      await job.finish();
      return await log.during(() => deleteJob(store, job.id, ASKER));
    });
    expect(many).toEqual(few);
    for (const table of ['job', 'task', 'attempt', 'task_dependency', 'event'])
      expect(writes(many, table), table).toBe(1);
  });
});

describe('a thousand tasks of one job', () => {
  it('are canceled and requeued by the statements that it takes for two', async () => {
    const id = await submitPlainJob(store, LARGE, { maxWorkers: 0 });
    const tasks = await store.prisma.task.findMany({
      where: { jobId: id },
      orderBy: { index: 'asc' },
      select: { id: true },
    });
    const some = (from: number, to: number) => tasks.slice(from, to).map((task) => task.id);
    for (const [to, mutation] of [
      ['canceled', 'cancelTask'],
      ['queued', 'requeueTask'],
    ] as const) {
      const ask = (ids: string[]) => log.during(() => setManyTaskStatuses(store, ids, to, ASKER, mutation));
      const few = shapesOf(await ask(some(0, 2)));
      expect(shapesOf(await ask(some(2, 1_002)))).toEqual(few);
    }
    await expectConsistent(database.pool);
  });
});

/** Lets a worker complete all tasks that can be claimed. */
async function completeAll(): Promise<void> {
  const worker = await StoreWorker.signOn(store, { name: 'many hands', slots: 1_000 });
  for (;;) {
    const { assignments } = await worker.sync({ freeSlots: 1_000 });
    if (assignments.length === 0) break;
    const reports = assignments.map(({ token }, index) => ({
      attemptToken: token,
      sequence: index + 1,
      event: { completed: { outputs: [] } },
    }));
    await worker.sync({ reports });
  }
  await deleteWorker(store, worker.id);
}
