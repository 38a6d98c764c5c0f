import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeId } from '../../src/graphql/global-id.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { TEST_JOB_TYPES } from '../support/shape-job-type.ts';
import { type Statement, StatementLog } from '../support/statements.ts';
import { StoreWorker, submitShape } from '../support/test-store.ts';

const JOBS = 12;
const TASKS = 8;

let gateway: TestGateway;
let log: StatementLog;
let jobIds: string[];
beforeAll(async () => {
  gateway = await startTestGateway({ jobTypes: TEST_JOB_TYPES });
  await gateway.sweep.stop();
  log = new StatementLog(gateway.database.pool);
  const { store } = gateway;
  // Each job with every task waiting for the first, a failed attempt, a block, and a live attempt of a worker of its own
  // that has saved a frame.
  const shape = Array.from({ length: TASKS }, (_, index) => (index < 2 ? [] : [0]));
  const settings = { shape: JSON.stringify(shape), types: 'misc', framesEach: 2 };
  const tasks = TEST_JOB_TYPES.get('shape')!.compile({ jobName: 'job', settings });
  jobIds = [];
  for (let n = 0; n < JOBS; n += 1) {
    const job = await submitShape(store, shape, { name: `job ${n}`, priority: 100 - n, maxWorkers: 1, tasks });
    jobIds.push(job.id);
    const worker = await StoreWorker.signOn(store, { name: `worker ${n}` });
    const token = await worker.claim();
    await worker.sync(worker.reporting(token, { failed: { kind: 'OTHER', message: 'No.', exitCode: 1 } }));
    const outputs = [{ frame: 3, path: '/out/3.png', bytes: 1, renderSeconds: 1 }];
    await worker.sync(worker.reporting(await worker.claim(), { progress: { fraction: 0.5, outputs } }));
    await store.prisma.workerBlock.create({
      data: { jobId: job.id, workerId: worker.id, taskType: 'video', until: new Date(Date.now() + 3_600_000) },
    });
  }
});
afterAll(() => gateway.close());

const page = (fields: string) => `nodes { ${fields} } totalCount pageInfo { hasNextPage }`;
const edges = (fields: string) => `edges { cursor node { ${fields} } }`;
const WORKER = 'name status currentAttempts { number task { name job { name } } }';
const ATTEMPT = `number outcome failure { message } worker { ${WORKER} } task { name }`;
const TASK = `name status waitingFor allowedActions worker { name } job { name } attempts(first: 2) { ${page(ATTEMPT)} }
  dependencies(first: 2) { ${edges('name attempts(last: 1) { nodes { number worker { name } } }')} totalCount }`;
const FRAME = 'number status path imageUrl task { name job { name } worker { name } }';
const JOB = `name allowedActions waitingFor waitingNotes secondsLeft jobType { name } workerBlocks { worker { ${WORKER} } until }
  statusChanges(first: 3) { ... on StatusChangeBatch { changes { sequence } cursor } }`;

/** With `$size` as the size of the pages that grow. */
// biome-ignore format: one operation per line
const OPERATIONS: [string, string][] = [
  ['the page of a list of jobs',         `query ($size: Int!) { jobs(first: $size) { ${page(JOB)} feedCursor } }`],
  ['the tasks of jobs',                  `query ($size: Int!) { jobs(last: $size) { ${page(`name tasks(first: 5) { ${page(TASK)} }`)} } }`],
  ['the tasks of jobs, by edges',        `query ($size: Int!) { jobs(first: $size) { ${edges(`name tasks(last: 5, filter: { statuses: [QUEUED, ACTIVE, SOFT_FAILED] }) { ${edges(TASK)} totalCount }`)} } }`],
  ['the same field under two names',     `query ($size: Int!) { jobs(first: $size) { nodes { a: tasks(first: 5) { ${page('name attempts { nodes { number } }')} } b: tasks(last: 1, filter: { statuses: [ACTIVE] }) { ${page('name worker { name }')} } } } }`],
  ['workers and what they execute',      `query ($size: Int!) { workers(first: $size) { ${page(`${WORKER} currentAttempts { task { dependencies { nodes { name } } attempts { nodes { worker { name } } } } }`)} } }`],
  ['the frames of jobs',                 `query ($size: Int!) { jobs(first: $size) { nodes { latestFrame { ${FRAME} } frames(first: 5) { ${page(FRAME)} } active: frames(first: 3, status: ACTIVE) { ${edges(FRAME)} totalCount } } } }`],
  ['things by their ids',                `query ($ids: [ID!]!) { nodes(ids: $ids) { id ... on Job { name tasks(first: 5) { ${page(TASK)} } } } }`],
];

/** How often each statement ran, whatever it was asked about. */
function countShapes(statements: readonly Statement[]): Record<string, number> {
  const shapes = statements.map(({ text }) => text.replaceAll(/\$\d+(,\s*\$\d+)*/g, '$').replaceAll(/"public"\./g, ''));
  return Object.fromEntries(shapes.map((shape) => [shape, shapes.filter((other) => other === shape).length]));
}

describe('the number of statements', () => {
  it.each(OPERATIONS)('of %s is the same for three and for many', async (_, query) => {
    const ids = (size: number) => jobIds.slice(0, size).map((id) => encodeId('Job', id));
    const ask = (size: number) =>
      log.during(() => gateway.run(query, query.includes('$ids') ? { ids: ids(size) } : { size }));
    await ask(3);
    const [few, many] = [await ask(3), await ask(JOBS)];
    expect(countShapes(many)).toEqual(countShapes(few));
  });

  it('of what a mutation of many shows is the same, though each has a transaction of its own', async () => {
    const query = `mutation ($ids: [ID!]!) { requeueJobs(input: { ids: $ids }) {
      ... on JobTransitionError { message job { name tasks(first: 2) { nodes { name worker { name } } } } } } }`;
    const ask = async (size: number) => {
      const ids = jobIds.slice(0, size).map((id) => encodeId('Job', id));
      const statements = await log.during(() => gateway.run(query, { ids }));
      return statements.filter(({ text }) => text.includes('"public".') || text.includes('parent.id'));
    };
    const few = await ask(3);
    expect(few).toHaveLength(1 + 2 + 1);
    expect(countShapes(await ask(JOBS))).toEqual(countShapes(few));
  });

  it('is one for the ids and one for the rows of each level', async () => {
    const query = '{ jobs { nodes { tasks { nodes { attempts(first: 5) { nodes { worker { name } } } } } } } }';
    expect(await log.during(() => gateway.run(query))).toHaveLength(2 + 2 + 2 + 1);
  });
});
