import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Statement } from '../../src/store/database.ts';
import type { Store } from '../../src/store/store.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createTestStore, type StoredJob, StoreWorker, submitShape } from '../support/test-store.ts';

/*
 * What a claim reads must not grow with what is done, or waits for something else: a job of 20,000 tasks is claimed from
 * 20,000 times.
 */

const TASKS = 20_000;
const DONE = 10_000;
const CLAIMABLE = 10;
/** More than any statement has to touch; far less than there is. */
const MAX_ROWS = 50;

let database: TestDatabase;
let store: Store;
let job: StoredJob;
let worker: StoreWorker;
beforeAll(async () => {
  database = await createTestDatabase();
  store = createTestStore(database);
  worker = await StoreWorker.signOn(store);
  const task = { type: 'misc', frames: null, commands: [], dependsOn: [] };
  job = await submitShape(store, [[]], {
    tasks: Array.from({ length: TASKS }, (_, index) => ({ ...task, name: `task ${index + 1}` })),
  });
  // Half of it is done, the other half waits for something, and a few at the end can be claimed.
  await database.pool.query(
    `UPDATE task SET status = 'completed', status_reason = 'FINISHED', progress = 1 WHERE job_id = $1 AND index < $2`,
    [job.id, DONE],
  );
  await database.pool.query('UPDATE task SET open_dependencies = 1 WHERE job_id = $1 AND index BETWEEN $2 AND $3', [
    job.id,
    DONE,
    TASKS - CLAIMABLE - 1,
  ]);
  await database.pool.query(
    `INSERT INTO attempt (id, job_id, task_id, number, worker_id, session_number, token, started_at, last_output_at, ended_at, outcome)
     SELECT gen_random_uuid(), job_id, id, 1, $2, $3, gen_random_uuid(), now(), now(), now(), 'COMPLETED'
     FROM task WHERE job_id = $1 AND status = 'completed'`,
    [job.id, worker.id, worker.sessionNumber],
  );
  await database.pool.query(
    `UPDATE job SET status = 'active', tasks_completed = $2, tasks_queued = tasks_total - $2, tasks_claimable = $3 WHERE id = $1`,
    [job.id, DONE, CLAIMABLE],
  );
  await database.pool.query('UPDATE job_queue SET claimable = $2 WHERE job_id = $1', [job.id, CLAIMABLE]);
});
afterAll(() => database.drop());

interface Plan {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows'?: number;
  readonly 'Actual Loops'?: number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly Plan[];
}
const nodesOf = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
const rowsRead = (node: Plan) =>
  ((node['Actual Rows'] ?? 0) + (node['Rows Removed by Filter'] ?? 0)) * (node['Actual Loops'] ?? 1);

type Asked = Statement & { readonly values: unknown[] };

/** The statements of a call that reports a task and takes the next one, as they were sent. */
async function recordClaim(): Promise<Asked[]> {
  const token = await worker.claim();
  const spy = vi.spyOn(Client.prototype, 'query');
  const { assignments } = await worker.sync({
    ...worker.reporting(token, { completed: { outputs: [] } }),
    freeSlots: 1,
  });
  const asked = spy.mock.calls.map(([statement]) => statement as unknown as Asked);
  spy.mockRestore();
  expect(assignments).toHaveLength(1);
  return asked.filter(({ text }) => /^\s*SELECT/.test(text ?? ''));
}

async function explain(options: string, text: string, values: unknown[] = []): Promise<Plan[]> {
  const client = await database.pool.connect();
  try {
    await client.query('BEGIN');
    const { rows } = await client.query<{ 'QUERY PLAN': { Plan: Plan }[] }>(
      `EXPLAIN (FORMAT JSON, ${options}) ${text}`,
      values,
    );
    return nodesOf(rows[0]!['QUERY PLAN'][0]!.Plan);
  } finally {
    await client.query('ROLLBACK');
    client.release();
  }
}

describe.each(['before anything was analyzed', 'afterwards'])(
  'a claim from a long job, most of which is done or waits, %s',
  (when) => {
    beforeAll(async () => {
      if (when === 'afterwards') await database.pool.query('ANALYZE');
    });

    it('reads as little as from a short one', async () => {
      const asked = await recordClaim();
      expect(asked.map(({ name }) => name)).toEqual(
        expect.arrayContaining(['claim-candidate-jobs', 'claim-candidate-tasks', 'ledger-jobs', 'ledger-attempts']),
      );
      for (const { name, text, values } of asked) {
        const read = (await explain('ANALYZE, TIMING OFF', text, values)).map(rowsRead);
        expect(Math.max(...read), name).toBeLessThan(MAX_ROWS);
      }
    });

    it('does so too once its statements are planned for any values', async () => {
      for (const { name, text } of await recordClaim()) {
        const scanned = (await explain('GENERIC_PLAN', text))
          .filter((node) => node['Node Type'] === 'Seq Scan')
          .map((node) => node['Relation Name']);
        expect(scanned, name).not.toContain('task');
        expect(scanned, name).not.toContain('attempt');
      }
    });
  },
);
