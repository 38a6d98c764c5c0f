import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeId } from '../../src/graphql/global-id.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { PAGE, walkPages } from '../support/page-walk.ts';
import { seedOf } from '../support/random.ts';
import { StatementLog } from '../support/statements.ts';
import { DIRECTIONS, ORDERS, type StoredJob, sortJobs, storeJobs } from '../support/stored-jobs.ts';

const SEED = seedOf();

let gateway: TestGateway;
let log: StatementLog;
let jobs: StoredJob[];
beforeAll(async () => {
  gateway = await startTestGateway();
  await gateway.sweep.stop();
  log = new StatementLog(gateway.database.pool);
  jobs = await storeJobs(gateway.database.pool, 60, SEED);
});
afterAll(() => gateway.close());

const QUERY = `query ($orderBy: JobOrder, $first: Int, $after: String, $last: Int, $before: String) {
  jobs(orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) { ${PAGE} } }`;

interface Page {
  readonly nodes: { readonly id: string }[];
  readonly edges: { readonly cursor: string }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly hasPreviousPage: boolean };
}

async function read(variables: Record<string, unknown>): Promise<Page> {
  return (await gateway.run<{ jobs: Page }>(QUERY, variables)).jobs;
}
const idsOf = ({ nodes }: Page) => nodes.map(({ id }) => id);

describe('a page', () => {
  it('has 50 items, the newest first, when nothing is said', async () => {
    expect(idsOf(await read({}))).toEqual(sortJobs(jobs, 'CREATED_AT', 'DESC').slice(0, 50));
    expect(idsOf(await read({ orderBy: null }))).toEqual(sortJobs(jobs, 'CREATED_AT', 'DESC').slice(0, 50));
  });

  it('lies between two cursors, from the front or from the back', async () => {
    const where = fc.integer({ min: 0, max: 59 });
    const size = fc.integer({ min: 1, max: 100 });
    const order = fc.record({
      field: fc.constantFrom(...Object.keys(ORDERS)),
      direction: fc.constantFrom(...DIRECTIONS),
    });
    await fc.assert(
      fc.asyncProperty(order, where, where, size, fc.boolean(), async (orderBy, from, to, count, isBackward) => {
        const all = sortJobs(jobs, orderBy.field, orderBy.direction);
        const whole = await Promise.all([read({ orderBy, first: 50 }), read({ orderBy, last: 10 })]);
        const cursors = whole.flatMap(({ edges }) => edges.map(({ cursor }) => cursor));
        const between = all.slice(from + 1, Math.max(from + 1, to));
        const page = await read({
          orderBy,
          after: cursors[from],
          before: cursors[to],
          ...(isBackward ? { last: count } : { first: count }),
        });
        expect(idsOf(page)).toEqual(isBackward ? between.slice(-count) : between.slice(0, count));
        expect(isBackward ? page.pageInfo.hasPreviousPage : page.pageInfo.hasNextPage).toBe(between.length > count);
      }),
      { numRuns: 40, seed: SEED },
    );
  });

  it('is the last one before a cursor when no size is given', async () => {
    const { edges } = await read({ first: 60 });
    const newest = sortJobs(jobs, 'CREATED_AT', 'DESC');
    expect(idsOf(await read({ before: edges[55]!.cursor }))).toEqual(newest.slice(5, 55));
    expect(idsOf(await read({ after: edges[4]!.cursor }))).toEqual(newest.slice(5, 55));
  });

  it('counts the whole list only when it is asked to', async () => {
    const counting = (fields: string) => log.during(() => gateway.run(`{ jobs(first: 2) { nodes { id } ${fields} } }`));
    expect((await counting('')).some(({ text }) => /count\(/i.test(text))).toBe(false);
    expect((await counting('totalCount')).filter(({ text }) => /count\(/i.test(text))).toHaveLength(1);
  });

  it.each([
    [{ first: 0 }, 'first is 0; it must be from 1 to 100.'],
    [{ first: -1 }, 'first is -1; it must be from 1 to 100.'],
    [{ last: 101 }, 'last is 101; it must be from 1 to 100.'],
    [{ first: 1, last: 1 }, 'Give first or last, not both.'],
  ])('of %o is refused', async (variables, message) => {
    await expect(read(variables)).rejects.toThrow(message);
  });
});

describe('a cursor', () => {
  it('stays good when its job is deleted or changes its place', async () => {
    const orderBy = { field: 'NAME', direction: 'ASC' };
    const { pool } = gateway.database;
    const extra = await storeJobs(pool, 40, SEED + 1);
    const all = sortJobs([...jobs, ...extra], 'NAME', 'ASC');
    const isExtra = new Set(extra.map(({ id }) => encodeId('Job', id)));
    const { edges } = await read({ orderBy, first: 100 });
    const at = all.findIndex((id) => isExtra.has(id));
    await pool.query(`UPDATE job SET name = '\u{10ffff}' WHERE id = ANY($1)`, [extra.map(({ id }) => id)]);
    const rest = all.slice(at).filter((id) => !isExtra.has(id));
    expect(idsOf(await read({ orderBy, first: 100, after: edges[at]!.cursor })).slice(0, rest.length)).toEqual(
      rest.slice(0, 100),
    );
    await pool.query('DELETE FROM job WHERE id = ANY($1)', [extra.map(({ id }) => id)]);
    expect(idsOf(await read({ orderBy, first: 100, after: edges[at]!.cursor }))).toEqual(rest);
  });

  it('of a list in another order, or of another list, is refused', async () => {
    const { edges } = await read({ orderBy: { field: 'PRIORITY', direction: 'ASC' }, first: 1 });
    const { cursor } = edges[0]!;
    expect((await read({ orderBy: { field: 'PRIORITY', direction: 'DESC' }, after: cursor })).nodes).toBeDefined();
    await expect(read({ after: cursor })).rejects.toThrow('after is no cursor of this list');
    await expect(read({ orderBy: { field: 'NAME', direction: 'ASC' }, before: cursor })).rejects.toThrow(
      'before is no cursor',
    );
    await expect(
      gateway.run('query ($after: String) { workers(after: $after) { totalCount } }', { after: cursor }),
    ).rejects.toThrow('after is no cursor of this list');
  });

  const write = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const id = '019b7a3e-0000-7000-8000-000000000000';
  it.each([
    '',
    'nonsense',
    '🦆',
    write(null),
    write([]),
    write({}),
    write({ createdAt: 5, id }),
    write({ createdAt: 'yesterday', id }),
    write({ createdAt: '2026-13-01T00:00:00.000Z', id }),
    write({ createdAt: '2026-01-01T00:00:00.000Z', id: 'x' }),
    write({ createdAt: '2026-01-01T00:00:00.000Z', id, name: 'x' }),
    write({ createdAt: '2026-01-01T00:00:00.000Z' }),
  ])('such as %j is refused', async (after) => {
    await expect(read({ after })).rejects.toThrow('after is no cursor of this list');
  });

  it.each([
    ['NAME', { name: 'a\u0000', id }],
    ['NAME', { name: '\ud800', id }],
    ['PRIORITY', { priority: 1.5, id }],
    ['PRIORITY', { priority: 1e12, id }],
    ['PRIORITY', { priority: '1', id }],
  ])('by %s such as %j is refused', async (field, value) => {
    await expect(read({ orderBy: { field, direction: 'ASC' }, after: write(value) })).rejects.toThrow(
      'no cursor of this list',
    );
  });
});

/** While somebody pages, jobs come, go and change their places. */
describe('going through a list that changes', () => {
  const cases = Object.keys(ORDERS).flatMap((field) => DIRECTIONS.map((direction) => [field, direction] as const));

  it.each(cases)('by %s %s shows each job that did not change exactly once, in order', async (field, direction) => {
    const { pool } = gateway.database;
    const restless = await storeJobs(pool, 40, SEED + 2);
    let round = 0;
    const stir = async () => {
      round += 1;
      // Who changes for ever may move ahead of the reader for ever.
      if (round > 8) return;
      const some = restless.filter((_, index) => index % 3 === round % 3).map(({ id }) => id);
      await pool.query(
        `UPDATE job SET priority = 100 - priority, name = reverse(name), updated_at = updated_at + interval '7 minutes',
           status = CASE status WHEN 'queued' THEN 'failed' ELSE 'queued' END WHERE id = ANY($1)`,
        [some],
      );
      await pool.query('DELETE FROM job WHERE id = ANY($1)', [some.slice(0, 1)]);
      restless.push(...(await storeJobs(pool, 2, SEED + 10 + round)));
    };
    try {
      for (const isBackward of [false, true]) {
        const { ids } = await walkPages(
          gateway,
          QUERY,
          { orderBy: { field, direction } },
          { size: 7, isBackward, between: stir },
        );
        const still = new Set(jobs.map(({ id }) => encodeId('Job', id)));
        expect(ids.filter((id) => still.has(id))).toEqual(sortJobs(jobs, field, direction));
      }
    } finally {
      await pool.query('DELETE FROM job WHERE NOT id = ANY($1)', [jobs.map(({ id }) => id)]);
    }
  });
});
