import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeId } from '../../src/graphql/global-id.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { explain, type Reading } from '../support/plans.ts';
import { StatementLog } from '../support/statements.ts';

const JOBS = 1_000;
const TASKS_EACH = 100;
const LARGE = 50_000;

let gateway: TestGateway;
let log: StatementLog;
let largeId: string;
beforeAll(async () => {
  gateway = await startTestGateway();
  await gateway.sweep.stop();
  const { pool } = gateway.database;
  log = new StatementLog(pool);
  await pool.query(
    `INSERT INTO worker (id, name, token_hash, status, platform, version, task_types, tags, blender_versions, registered_at, last_seen_at)
     SELECT gen_random_uuid(), 'worker ' || n, n, 'AWAKE', 'test', '1', '{}', '{}', '{}', now(), now() FROM generate_series(1, 20) AS n`,
  );
  await pool.query(
    `INSERT INTO job (id, name, type, job_type_version, status, status_reason, priority, max_attempts, failure_limit_percent, submitter, settings, metadata,
       files, input_hash, created_at, updated_at)
     SELECT uuidv7(), 'shot ' || n % 700, 'type ' || n % 3, '1.0.0', CASE WHEN n % 100 = 0 THEN 'failed' ELSE 'completed' END, 'FINISHED', n % 4 * 25, 3, 10,
       'user ' || n % 10, jsonb_build_object('blendFile', repeat('/x', 200)), jsonb_build_object('shot', n::text, 'show', 'show ' || n % 5), '[]', '',
       now() - n * interval '1 minute', now() - n * 7 % 1000 * interval '1 minute' FROM generate_series(1, $1::integer) AS n`,
    [JOBS],
  );
  largeId = (await pool.query<{ id: string }>(`SELECT id FROM job ORDER BY created_at DESC OFFSET 10 LIMIT 1`)).rows[0]!
    .id;
  // Of the large job the last three tasks failed.
  await pool.query(
    `INSERT INTO task (id, job_id, index, name, type, status, status_reason, commands, worker_id)
     SELECT uuidv7(), job.id, n, 'task ' || n, 'misc', CASE WHEN n > $2::integer - 4 THEN 'failed' ELSE 'completed' END, 'FINISHED', '[]',
       (SELECT id FROM worker WHERE name = 'worker ' || n % 20 + 1)
     FROM job CROSS JOIN generate_series(0, CASE WHEN job.id = $1::uuid THEN $2::integer ELSE $3::integer END - 1) AS n`,
    [largeId, LARGE, TASKS_EACH],
  );
  await pool.query(
    `INSERT INTO attempt (id, job_id, task_id, number, worker_id, session_number, token, started_at, last_output_at, ended_at, outcome)
     SELECT uuidv7(), job_id, task.id, n, worker_id, 1, gen_random_uuid(), now(), now(), now(), 'COMPLETED' FROM task CROSS JOIN generate_series(1, 2) AS n WHERE index < 20`,
  );
  // Its last task waits for all the others.
  await pool.query(
    `INSERT INTO task_dependency (job_id, task_id, depends_on_id) SELECT job_id, (SELECT id FROM task WHERE job_id = $1 AND index = $2::integer - 1), id
     FROM task WHERE job_id = $1 AND index < $2::integer - 1`,
    [largeId, LARGE],
  );
  await pool.query('VACUUM ANALYZE');
}, 120_000);
afterAll(() => gateway.close());

interface Cursors {
  readonly edges: { readonly cursor: string }[];
}

async function readingOf(query: string, variables: Record<string, unknown>): Promise<Reading> {
  return await explain(gateway.database.pool, await log.during(() => gateway.run(query, variables)));
}

/** Tables that grow with every task: whoever scans one waits for all that was ever rendered. */
const GROWING = ['task', 'attempt', 'task_dependency', 'output', 'event', 'task_log_chunk'];

function expectBounded({ rows, scanned }: Reading, most: Record<string, number>): void {
  expect([...scanned].filter((table) => GROWING.includes(table))).toEqual([]);
  for (const [table, count] of Object.entries(rows)) expect(count, table).toBeLessThanOrEqual(most[table] ?? 100);
}

describe(`with ${JOBS.toLocaleString('en')} jobs stored, and ${(JOBS * TASKS_EACH + LARGE).toLocaleString('en')} tasks`, () => {
  const JOB = 'id name status allowedActions waitingFor taskCounts { total } frameCounts { total } secondsLeft';
  const ORDERED = `query ($orderBy: JobOrder, $first: Int, $after: String, $last: Int, $before: String) {
    jobs(orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) { edges { cursor node { ${JOB} } } pageInfo { hasNextPage } } }`;

  it.each(
    ['CREATED_AT', 'PRIORITY', 'NAME', 'STATUS'].flatMap((field) =>
      ['ASC', 'DESC'].map((direction) => [field, direction]),
    ),
  )('a page of 50 jobs by %s %s reads 50 jobs, in the middle of the list and at its ends', async (field, direction) => {
    const orderBy = { field, direction };
    let after: string | null = null;
    for (let page = 0; page < 5; page += 1) {
      const { jobs }: { jobs: Cursors } = await gateway.run<{ jobs: Cursors }>(ORDERED, { orderBy, first: 100, after });
      after = jobs.edges.at(-1)!.cursor;
    }
    for (const place of [{ first: 50 }, { last: 50 }, { first: 50, after }, { last: 50, before: after }])
      expectBounded(await readingOf(ORDERED, { orderBy, ...place }), { job: 2 * 51 });
  });

  it('a page of jobs by UPDATED_AT sorts the jobs, and reads nothing else', async () => {
    const orderBy = { field: 'UPDATED_AT', direction: 'DESC' };
    expectBounded(await readingOf(ORDERED, { orderBy, first: 50 }), { job: JOBS + 51 });
  });

  it.each([
    ['by metadata', { metadata: [{ key: 'shot', value: '500' }] }, 10],
    ['of a rare status', { statuses: ['FAILED'] }, 3 * (JOBS / 100)],
    ['of the present', { createdAfter: new Date(Date.now() - 20 * 60_000).toISOString() }, 2 * 21],
    ['by name', { nameContains: 'T 69' }, JOBS + 51],
    [
      'by everything',
      { types: ['type 1'], submitter: 'user 1', statuses: ['COMPLETED'], nameContains: 'shot' },
      JOBS + 50,
    ],
  ])('a search %s reads jobs, at most each once, and no task', async (_, filter, most) => {
    const query = `query ($filter: JobFilter) { jobs(filter: $filter, first: 50) { nodes { ${JOB} } } }`;
    expectBounded(await readingOf(query, { filter }), { job: most });
  });

  const TASKS = `query ($id: ID!, $filter: TaskFilter, $first: Int, $after: String, $last: Int, $before: String) { job(id: $id) {
    tasks(filter: $filter, first: $first, after: $after, last: $last, before: $before) { edges { cursor node { id name status waitingFor allowedActions worker { name } } } pageInfo { hasNextPage } } } }`;

  it.each([
    ['all', null],
    ['those that failed', { statuses: ['FAILED'] }],
    ['those that completed', { statuses: ['COMPLETED'] }],
    ['those of many statuses', { statuses: ['QUEUED', 'ACTIVE', 'COMPLETED', 'SOFT_FAILED', 'FAILED', 'CANCELED'] }],
  ])('a page of 100 tasks of the job of 50,000 reads 100 tasks: %s', async (_, filter) => {
    const id = encodeId('Job', largeId);
    const middle = await gateway.run<{ job: { tasks: Cursors } }>(TASKS, { id, filter, last: 100 });
    const before = middle.job.tasks.edges[0]!.cursor;
    for (const place of [{ first: 100 }, { last: 100 }, { last: 100, before }, { first: 100, before }])
      expectBounded(await readingOf(TASKS, { id, filter, ...place }), { task: 2 * 101 + 100, job: 201, worker: 200 });
  });

  it("a worker's tasks of a job are found without those of others", async () => {
    const { workers } = await gateway.run<{ workers: { nodes: { id: string }[] } }>(
      '{ workers(first: 1) { nodes { id } } }',
    );
    const variables = { id: encodeId('Job', largeId), filter: { workerId: workers.nodes[0]!.id }, first: 100 };
    expectBounded(await readingOf(TASKS, variables), { task: 2 * 101, job: 201, worker: 200 });
  });

  it('a task that waits for 49,999 others shows a page of them by reading it', async () => {
    const { rows } = await gateway.database.pool.query('SELECT id FROM task WHERE job_id = $1 AND index = $2', [
      largeId,
      LARGE - 1,
    ]);
    const query = 'query ($id: ID!) { task(id: $id) { dependencies(first: 100) { nodes { name } } } }';
    expectBounded(await readingOf(query, { id: encodeId('Task', rows[0].id) }), { task: 102, task_dependency: 101 });
  });

  it('the tasks of many jobs cost their pages', async () => {
    const query =
      '{ jobs(first: 20) { nodes { tasks(first: 10) { nodes { name attempts(last: 1) { nodes { number worker { name } } } dependencies(first: 2) { nodes { name } } } } } } }';
    const tasks = 20 * 10;
    expectBounded(await readingOf(query, {}), {
      job: 2 * 21,
      task: 2 * 20 * 11,
      attempt: 2 * tasks + tasks,
      worker: tasks,
    });
  });

  it('the farm at a glance reads counters and an index of the jobs', async () => {
    const query = '{ farm { jobCounts { count } workerCounts { count } waitingTasks } }';
    const reading = await readingOf(query, {});
    expectBounded(reading, { job: JOBS + 100 });
    expect(reading.rows.task).toBeUndefined();
  });
});
