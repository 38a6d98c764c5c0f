import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Pool } from 'pg';
import { pino } from 'pino';
import { BUILT_IN_JOB_TYPES } from '../../src/job-types/built-in.ts';
import { startGateway } from '../../src/server/start-gateway.ts';
import { DEFAULT_LOG_LIMIT_BYTES } from '../../src/store/append-task-log.ts';
import { openDataDirectory } from '../../src/store/data-directory.ts';
import { openDatabase } from '../../src/store/database.ts';
import { startEmbedded } from '../../src/store/embedded.ts';
import { migrate } from '../../src/store/migrate.ts';

const JOBS = 1_000;
const TASKS_EACH = 100;
const LARGE = 50_000;
const SIZES = [10_000, 50_000];

/**
 * How long the API takes over HTTP to show a page, to search, and to cancel, requeue and delete large jobs, on a gateway
 * with a durable database of its own that holds 1,000 jobs of 100 tasks and one of 50,000; beside the bare SQL statement
 * in the same run, which sends as many rows or changes as many. Turn by turn, medians.
 */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { rounds: { type: 'string', default: '31' }, changes: { type: 'string', default: '3' } },
  });
  const folder = await mkdtemp(join(tmpdir(), 'tablao-bench-'));
  const directory = await openDataDirectory(folder);
  const logger = pino({ level: 'warn' });
  const server = await startEmbedded({ directory, logger });
  const database = await openDatabase(server.config, { logger });
  try {
    await migrate(database.pool, { logger });
    const gateway = await startGateway({
      database,
      jobTypes: BUILT_IN_JOB_TYPES,
      logger,
      host: '127.0.0.1',
      port: 0,
      allowAnonymous: false,
      leaseSeconds: 600,
      retryDelaySeconds: 30,
      logLimitBytes: DEFAULT_LOG_LIMIT_BYTES,
    });
    try {
      const api = createApi(gateway.url);
      console.log(
        `storing ${JOBS.toLocaleString('en')} jobs of ${TASKS_EACH} tasks and one of ${LARGE.toLocaleString('en')} …`,
      );
      const largeId = await fill(api, database.pool);
      await measureReads(api, database.pool, largeId, Number(values.rounds));
      for (const size of SIZES) await measureChanges(api, database.pool, size, Number(values.changes));
    } finally {
      await gateway.close(0);
    }
  } finally {
    await database.close();
    await server.stop();
    await directory.release();
    await rm(folder, { recursive: true, force: true });
  }
}

type Api = ReturnType<typeof createApi>;

function createApi(url: string) {
  return async function ask<Data>(query: string, variables: object = {}): Promise<Data> {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = (await response.json()) as { data: Data; errors?: unknown };
    if (errors) throw new Error(JSON.stringify(errors));
    return data;
  };
}

/** A job as an artist submits it: so many frames, one to a task, and a video of them. */
async function submit(api: Api, frames: number, input: object = {}): Promise<string> {
  const { submitJob } = await api<{ submitJob: { job: { id: string } } }>(
    'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { ... on SubmitJobSuccess { job { id } } ... on Error { message } } }',
    {
      input: {
        type: 'simple-blender-render',
        name: 'shot',
        settings: {
          blendFile: '/projects/film/shots/sh010/sh010.blend',
          frames: `1-${frames}`,
          outputPath: '/renders/film/sh010/sh010_######',
        },
        ...input,
      },
    },
  );
  return submitJob.job.id;
}

async function fill(api: Api, pool: Pool): Promise<string> {
  for (let n = 0; n < JOBS; n += 1)
    await submit(api, TASKS_EACH - 1, {
      name: `shot ${n}`,
      priority: n % 101,
      metadata: { shot: String(n), show: `film ${n % 5}` },
      submitter: `artist ${n % 10}`,
    });
  const largeId = await submit(api, LARGE - 1, { name: 'the large one' });
  for (let n = 0; n < 20; n += 1) {
    const { jobs } = await api<{ jobs: { nodes: { id: string }[] } }>(
      'query ($name: String) { jobs(first: 1, filter: { nameContains: $name, statuses: [QUEUED] }) { nodes { id } } }',
      { name: `shot ${n * 50}` },
    );
    await api('mutation ($id: ID!) { cancelJob(input: { id: $id }) { __typename } }', { id: jobs.nodes[0]!.id });
  }
  await pool.query('VACUUM ANALYZE');
  return largeId;
}

const JOB =
  'id name type status priority submitter progress createdAt updatedAt allowedActions waitingFor secondsLeft taskCounts { total completed failed } frameCounts { total done }';
const TASK = 'id index name type status frames progress failedAttempts waitingFor allowedActions worker { name }';

async function measureReads(api: Api, pool: Pool, largeId: string, rounds: number): Promise<void> {
  const large = Buffer.from(largeId, 'base64').toString().split(':')[1]!;
  const middle = await api<{ jobs: { pageInfo: { endCursor: string } } }>(
    `{ jobs(first: 100) { pageInfo { endCursor } } }`,
  );
  const place = (
    await pool.query<{ created_at: Date; id: string }>(
      'SELECT created_at, id FROM job ORDER BY created_at DESC, id DESC OFFSET 99 LIMIT 1',
    )
  ).rows[0]!;
  const after = Buffer.from(JSON.stringify({ index: 25_000 })).toString('base64url');
  printHeader();
  const rows: [string, () => Promise<unknown>, () => Promise<unknown>][] = [
    [
      'a page of 50 jobs',
      () => api(`{ jobs(first: 50) { nodes { ${JOB} } pageInfo { hasNextPage endCursor } } }`),
      () => pool.query('SELECT * FROM job ORDER BY created_at DESC, id DESC LIMIT 51'),
    ],
    [
      '… the third one',
      () =>
        api(
          `query ($after: String) { jobs(first: 50, after: $after) { nodes { ${JOB} } pageInfo { hasNextPage endCursor } } }`,
          { after: middle.jobs.pageInfo.endCursor },
        ),
      () =>
        pool.query('SELECT * FROM job WHERE (created_at, id) < ($1, $2) ORDER BY created_at DESC, id DESC LIMIT 51', [
          place.created_at,
          place.id,
        ]),
    ],
    [
      '… with totalCount',
      () => api(`{ jobs(first: 50) { nodes { ${JOB} } totalCount } }`),
      () => pool.query('SELECT *, (SELECT count(*) FROM job) FROM job ORDER BY created_at DESC, id DESC LIMIT 51'),
    ],
    [
      'a page of 100 tasks',
      () =>
        api(
          `query ($id: ID!) { job(id: $id) { tasks(first: 100) { nodes { ${TASK} } pageInfo { hasNextPage endCursor } } } }`,
          { id: largeId },
        ),
      () => pool.query('SELECT * FROM task WHERE job_id = $1 ORDER BY index LIMIT 101', [large]),
    ],
    [
      '… in the middle of 50,000',
      () =>
        api(
          `query ($id: ID!, $after: String) { job(id: $id) { tasks(first: 100, after: $after) { nodes { ${TASK} } pageInfo { hasNextPage endCursor } } } }`,
          { id: largeId, after },
        ),
      () => pool.query('SELECT * FROM task WHERE job_id = $1 AND index > $2 ORDER BY index LIMIT 101', [large, 25_000]),
    ],
    [
      'a search by status and name',
      () => api(`{ jobs(first: 50, filter: { statuses: [CANCELED], nameContains: "SHOT" }) { nodes { ${JOB} } } }`),
      () =>
        pool.query(
          `SELECT * FROM job WHERE status = 'canceled' AND name ILIKE '%SHOT%' ORDER BY created_at DESC, id DESC LIMIT 51`,
        ),
    ],
    [
      'a search by metadata',
      () => api(`{ jobs(first: 50, filter: { metadata: [{ key: "shot", value: "500" }] }) { nodes { ${JOB} } } }`),
      () =>
        pool.query(`SELECT * FROM job WHERE metadata @> '{"shot": "500"}' ORDER BY created_at DESC, id DESC LIMIT 51`),
    ],
    [
      '20 jobs with 20 tasks each',
      () =>
        api(
          `{ jobs(first: 20) { nodes { ${JOB} tasks(first: 20) { nodes { ${TASK} attempts(first: 1) { nodes { number worker { name } } } } } } } }`,
        ),
      () =>
        pool.query(`SELECT * FROM (SELECT id FROM job ORDER BY created_at DESC, id DESC LIMIT 21) AS page
        CROSS JOIN LATERAL (SELECT * FROM task WHERE job_id = page.id ORDER BY index LIMIT 21) AS task`),
    ],
    [
      'the farm at a glance',
      () => api('{ farm { jobCounts { status count } workerCounts { status count } waitingTasks } }'),
      () => pool.query(`SELECT status, count(*), sum(tasks_queued + tasks_soft_failed) FROM job GROUP BY status`),
    ],
  ];
  for (const [name, ask, raw] of rows) await measure(name, rounds, ask, raw);
}

async function measureChanges(api: Api, pool: Pool, tasks: number, rounds: number): Promise<void> {
  const mutate = (mutation: string, id: string) =>
    api(`mutation ($id: ID!) { ${mutation}(input: { id: $id }) { __typename ... on Error { message } } }`, { id });
  const results: Record<'cancel' | 'requeue' | 'delete', { api: number[]; raw: number[] }> = {
    cancel: { api: [], raw: [] },
    requeue: { api: [], raw: [] },
    delete: { api: [], raw: [] },
  };
  for (let round = 0; round < rounds; round += 1) {
    const ids = [await submit(api, tasks - 1), await submit(api, tasks - 1)];
    const [id, twin] = ids as [string, string];
    const raw = Buffer.from(twin, 'base64').toString().split(':')[1]!;
    await pool.query('VACUUM ANALYZE task, job');
    results.cancel.api.push(await time(() => mutate('cancelJob', id)));
    results.cancel.raw.push(await time(() => pool.query(CANCEL, [raw])));
    results.requeue.api.push(await time(() => mutate('requeueJob', id)));
    results.requeue.raw.push(await time(() => pool.query(REQUEUE, [raw])));
    results.delete.api.push(await time(() => mutate('deleteJob', id)));
    results.delete.raw.push(await time(() => pool.query(DELETE, [raw])));
    await pool.query('DELETE FROM job WHERE id = $1', [raw]);
  }
  for (const [name, { api: ours, raw }] of Object.entries(results))
    print(`to ${name} ${tasks.toLocaleString('en')}`, ours, raw);
}

const CANCEL = `WITH ended AS (UPDATE task SET status = 'canceled', status_reason = 'JOB_CANCELED' WHERE job_id = $1 RETURNING 1)
  UPDATE job SET status = 'canceled', tasks_canceled = tasks_total, tasks_queued = 0, tasks_claimable = 0 WHERE id = $1`;
const REQUEUE = `WITH put_back AS (UPDATE task SET status = 'queued', status_reason = 'USER' WHERE job_id = $1 RETURNING 1)
  UPDATE job SET status = 'queued', tasks_queued = tasks_total, tasks_canceled = 0, tasks_claimable = tasks_total - 1 WHERE id = $1`;
const DELETE = 'WITH edges AS (DELETE FROM task_dependency WHERE job_id = $1) DELETE FROM task WHERE job_id = $1';

async function measure(
  name: string,
  rounds: number,
  ask: () => Promise<unknown>,
  raw: () => Promise<unknown>,
): Promise<void> {
  const ours: number[] = [];
  const floor: number[] = [];
  for (let round = 0; round < rounds + 3; round += 1) {
    const [a, b] = [await time(ask), await time(raw)];
    // The first ones fill caches.
    if (round < 3) continue;
    ours.push(a);
    floor.push(b);
  }
  print(name, ours, floor);
}

async function time(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

function printHeader(): void {
  console.log(`${''.padEnd(30)} ${'API'.padStart(10)} ${'statement'.padStart(10)} ${'ratio'.padStart(7)}`);
}

function print(name: string, ours: readonly number[], floor: readonly number[]): void {
  const [a, b] = [median(ours), median(floor)];
  console.log(`${name.padEnd(30)} ${format(a)} ${format(b)} ${(a / b).toFixed(1).padStart(7)}`);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function format(ms: number): string {
  return (ms < 1_000 ? `${ms.toFixed(1)} ms` : `${(ms / 1_000).toFixed(2)} s`).padStart(10);
}
