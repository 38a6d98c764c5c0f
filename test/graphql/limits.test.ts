import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Farm, type SubmittedJob } from '../support/farm.ts';
import { independent } from '../support/shape-job-type.ts';

let farm: Farm;
let job: SubmittedJob;
beforeAll(async () => {
  farm = await Farm.start();
  job = await farm.submit(independent(1));
});
afterAll(() => farm.close());

const SUBMISSION = { type: 'echo-sleep-test', name: 'job', settings: {} };
/** An object that takes so many bytes as JSON. */
const objectOf = (bytes: number) => ({ a: 'x'.repeat(bytes - '{"a":""}'.length) });
const nested = (levels: number): unknown => (levels === 1 ? {} : { a: nested(levels - 1) });
const KiB = 1024;

interface Issue {
  readonly path: string[];
  readonly message: string;
  readonly given: unknown;
  readonly allowed: string;
}

async function issuesOf(change: object): Promise<Issue[]> {
  const { previewJob } = await farm.gateway.run<{ previewJob: { issues?: Issue[] } }>(
    'query ($input: SubmitJobInput!) { previewJob(input: $input) { ... on InvalidInputError { issues { path message given allowed } } } }',
    { input: { ...SUBMISSION, ...change } },
  );
  return previewJob.issues ?? [];
}

describe('the limits of a submission', () => {
  // biome-ignore format: one field per line
  const LIMITS: [field: string, taken: unknown[], refused: unknown[]][] = [
    ['name',                   ['x', 'x'.repeat(200), 'ü 鏡'],      ['', 'x'.repeat(201), 'a\nb', 'a\u0000', '\ud800', '\u009b']],
    ['priority',               [0, 100],                            [-1, 101, -2_147_483_648]],
    ['maxWorkers',             [0, 10_000, null],                   [-1, 10_001]],
    ['workerTag',              ['x'.repeat(64), 'A-z_0.9', null],   ['', 'x'.repeat(65), 'a b', 'ä']],
    ['maxAttempts',            [1, 20],                             [0, 21]],
    ['failureLimitPercent',    [1, 100],                            [0, 101]],
    ['taskTimeoutSeconds',     [1, 604_800, null],                  [0, 604_801]],
    ['noOutputTimeoutSeconds', [1, 604_800, null],                  [0, 604_801]],
    ['metadata',               [{}, objectOf(64 * KiB), nested(100), null], [[], 'x', 1, objectOf(64 * KiB + 1), nested(101), { a: '\u0000' }, { '\ud800': 1 }]],
    ['idempotencyKey',         ['x'.repeat(200), null],             ['', 'x'.repeat(201), 'a\u0000']],
    ['submitter',              ['x'.repeat(200), null],             ['', 'x'.repeat(201), 'a\u0000']],
    ['files',                  [[], [{ path: '/a.blend', bytes: 0 }]], [[{ path: '/a', bytes: -1 }], [{ path: '/a', bytes: 1.5 }], [{ path: '/a', bytes: 1, sha256: 'x' }], Array(10_001).fill({ path: '/a', bytes: 1 })]],
  ];

  it.each(LIMITS)('%s: up to them it is taken, beyond it is refused by name', async (field, taken, refused) => {
    for (const value of taken) expect(await issuesOf({ [field]: value })).toEqual([]);
    for (const value of refused) {
      const [issue, ...others] = await issuesOf({ [field]: value });
      expect(others).toEqual([]);
      expect(issue!.path).toEqual([field]);
      expect(issue!.message).toBe(`${field} must be ${issue!.allowed}.`);
      const isLarge = JSON.stringify(value).length > 10_000;
      expect(issue!.given).toEqual(isLarge || field === 'metadata' ? issue!.given : value);
      if (isLarge) expect(issue!.given).toBeNull();
    }
  });

  it('settings: 256 KiB', async () => {
    const pathsOf = async (settings: object) => (await issuesOf({ settings })).map(({ path }) => path.join('.'));
    expect(await pathsOf(objectOf(256 * KiB))).not.toContain('settings');
    expect(await pathsOf(objectOf(256 * KiB + 1))).toContain('settings');
  });

  it('names every field that is wrong at once', async () => {
    const change = { name: '', priority: 101, metadata: [], settings: { repeats: 0, nonsense: 1 } };
    expect((await issuesOf(change)).map(({ path }) => path.join('.')).sort()).toEqual([
      'metadata',
      'name',
      'priority',
      'settings.nonsense',
      'settings.repeats',
    ]);
  });
});

/** The code of an answer that is an error as a whole, and its message; the data of one that is none. */
async function ask(
  query: string,
  variables: object,
): Promise<{ code?: unknown; message?: string; issues?: Issue[]; data?: unknown }> {
  const response = await fetch(`${farm.gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as {
    data: unknown;
    errors?: { message: string; extensions: { code: string; issues?: Issue[] } }[];
  };
  return errors ? { message: errors[0]!.message, ...errors[0]!.extensions } : { data };
}

describe('the limits of pages', () => {
  const inJob = (field: string) => `job(id: ${JSON.stringify(job.id)}) { ${field} }`;
  const inTask = (field: string) => `task(id: ${JSON.stringify(job.tasks[0])}) { ${field} }`;
  // biome-ignore format: one field per line
  const PAGES: [name: string, field: string, argument: string, most: number][] = [
    ['jobs',              'jobs(first: $n) { nodes { id } }',                                                   'first', 100],
    ['jobs',              'jobs(last: $n) { nodes { id } }',                                                    'last',  100],
    ['workers',           'workers(first: $n) { nodes { id } }',                                                'first', 100],
    ['workers',           'workers(last: $n) { nodes { id } }',                                                 'last',  100],
    ['Job.tasks',         'JOB tasks(first: $n) { nodes { id } }',                                              'first', 100],
    ['Job.tasks',         'JOB tasks(last: $n) { nodes { id } }',                                               'last',  100],
    ['Job.frames',        'JOB frames(first: $n) { nodes { number } }',                                         'first', 100],
    ['Task.attempts',     'TASK attempts(first: $n) { nodes { id } }',                                          'first', 100],
    ['Task.dependencies', 'TASK dependencies(last: $n) { nodes { id } }',                                       'last',  100],
    ['statusChanges',     'statusChanges(first: $n) { ... on StatusChangeBatch { caughtUp } }',                 'first', 1_000],
    ['Job.statusChanges', 'JOB statusChanges(first: $n) { ... on StatusChangeBatch { caughtUp } }',             'first', 1_000],
  ];

  it.each(PAGES)('%s: from 1', async (_, field, argument, most) => {
    const written = field.startsWith('JOB')
      ? inJob(field.slice(4))
      : field.startsWith('TASK')
        ? inTask(field.slice(5))
        : field;
    const query = `query ($n: Int!) { ${written} }`;
    for (const n of [1, most]) expect(await ask(query, { n })).toHaveProperty('data');
    for (const n of [0, -1, most + 1])
      expect(await ask(query, { n })).toMatchObject({
        code: 'BAD_REQUEST',
        message: `${argument} is ${n}; it must be from 1 to ${most.toLocaleString('en')}.`,
      });
  });
});

it.each([
  ['nodes', 'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }'],
  ...['cancelJobs', 'requeueJobs', 'deleteJobs', 'cancelTasks', 'requeueTasks'].map((name) => [
    name,
    `mutation ($ids: [ID!]!) { ${name}(input: { ids: $ids }) { __typename } }`,
  ]),
])('%s takes a thousand ids and no more', async (_, query) => {
  expect(await ask(query!, { ids: Array(1_000).fill('nobody') })).toHaveProperty('data');
  expect(await ask(query!, { ids: Array(1_001).fill('nobody') })).toMatchObject({
    code: 'BAD_REQUEST',
    message: 'ids has 1001 items; at most 1000 are allowed in one call.',
  });
});

describe('the limits of filters', () => {
  // biome-ignore format: one field per line
  const FILTERS: [list: string, type: string, field: string, taken: unknown, refused: unknown[]][] = [
    ['jobs',          'JobFilter',          'nameContains', 'x'.repeat(200),                            ['x'.repeat(201), 'a\u0000', '\ud800']],
    ['jobs',          'JobFilter',          'submitter',    '',                                         ['x'.repeat(201), 'a\u0000', '\ud800']],
    ['jobs',          'JobFilter',          'types',        Array(100).fill('x'),                       [Array(101).fill('x'), ['a\u0000']]],
    ['jobs',          'JobFilter',          'metadata',     Array(20).fill({ key: 'a', value: 'b' }),   [Array(21).fill({ key: 'a', value: 'b' }), [{ key: '\u0000', value: '' }], [{ key: '', value: '\ud800' }], [{ key: 'x'.repeat(1_001), value: '' }]]],
    ['workers',       'WorkerFilter',       'tag',          'x'.repeat(200),                            ['x'.repeat(201), 'a\u0000']],
    ['statusChanges', 'StatusChangeFilter', 'submitter',    'ann',                                      ['x'.repeat(201), 'a\u0000']],
    ['statusChanges', 'StatusChangeFilter', 'jobTypes',     ['a', 'b'],                                 [Array(101).fill('x'), ['\ud800']]],
  ];

  it.each(FILTERS)('%s by a %s: %s', async (list, type, field, taken, refused) => {
    const query = `query ($filter: ${type}) { ${list}(filter: $filter) { __typename } }`;
    expect(await ask(query, { filter: { [field]: taken } })).toHaveProperty('data');
    for (const value of refused) {
      const { code, message, issues } = await ask(query, { filter: { [field]: value } });
      expect(code).toBe('BAD_REQUEST');
      expect(message).toContain(`filter.${field} must be at most `);
      expect(issues).toMatchObject([{ path: ['filter', field] }]);
      expect(message!.length).toBeLessThan(400);
    }
  });

  it.each(['jobsUpdated', 'workersUpdated'])('are those of %s too', async (field) => {
    const filter = field === 'jobsUpdated' ? '{ submitter: "\\u0000" }' : '{ tag: "\\u0000" }';
    const response = await fetch(`${farm.gateway.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify({ query: `subscription { ${field}(filter: ${filter}) { order } }` }),
    });
    expect(await response.text()).toContain('must be at most 200 characters');
  });
});
