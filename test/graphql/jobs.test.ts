import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { PAGE, walkPages } from '../support/page-walk.ts';
import { seedOf } from '../support/random.ts';
import {
  DIRECTIONS,
  ORDERS,
  STATUSES,
  type StoredJob,
  SUBMITTERS,
  sortJobs,
  storeJobs,
  TYPES,
  time,
} from '../support/stored-jobs.ts';

const JOBS = 60;
const SEED = seedOf();
const WAYS = ['forward', 'backward'];

let gateway: TestGateway;
let jobs: StoredJob[];
beforeAll(async () => {
  gateway = await startTestGateway();
  await gateway.sweep.stop();
  jobs = await storeJobs(gateway.database.pool, JOBS, SEED);
});
afterAll(() => gateway.close());

/** A filter as it is asked for, and what it says of a job. */
interface Filter {
  readonly asked: Record<string, unknown>;
  readonly fits: (job: StoredJob) => boolean;
}

const enumOf = (status: string) => status.toUpperCase();
const text = (value: unknown) => (typeof value === 'string' ? value : String(value));
/** As contained in a name, in upper or lower case. */
const holds = (name: string, part: string) => name.toLowerCase().includes(part.toLowerCase());

// biome-ignore format: one filter per line
const FILTERS: Record<string, fc.Arbitrary<Filter>> = {
  'no filter':     fc.constantFrom({}, null, undefined).map((asked) => ({ asked: asked as Record<string, unknown>, fits: () => true })),
  statuses:        fc.subarray(STATUSES).map((some) => ({ asked: { statuses: some.map(enumOf) }, fits: ({ status }) => some.includes(status) })),
  types:           fc.subarray([...TYPES, 'nonsense']).map((types) => ({ asked: { types }, fits: ({ type }) => types.includes(type) })),
  submitter:       fc.constantFrom(...SUBMITTERS, 'nobody', '').map((submitter) => ({ asked: { submitter }, fits: (each) => each.submitter === submitter })),
  nameContains:    fc.constantFrom('shot_', '%', 'HOT', 'ï', 'Ï', '\\', "'", 'ß', '', ' ', 'x0', '鏡').map((nameContains) => ({ asked: { nameContains }, fits: ({ name }) => holds(name, nameContains) })),
  metadata:        fc.array(fc.record({ key: fc.constantFrom('shot', 'take', 'final', 'nested'), value: fc.constantFrom('010', '10', 'a', 'true', 'null', '') }), { maxLength: 2 })
                     .map((metadata) => ({ asked: { metadata }, fits: (each) => metadata.every(({ key, value }) => ['string', 'number', 'boolean'].includes(typeof each.metadata[key]) && text(each.metadata[key]) === value) })),
  createdAfter:    time.map((at) => ({ asked: { createdAfter: new Date(at).toISOString() }, fits: ({ createdAt }) => createdAt > at })),
  createdBefore:   time.map((at) => ({ asked: { createdBefore: new Date(at).toISOString() }, fits: ({ createdAt }) => createdAt < at })),
};
/** Everything that is given holds. */
const combined = fc.subarray(Object.values(FILTERS).slice(1), { minLength: 2 }).chain((some) =>
  fc.tuple(...some).map((filters) => ({
    asked: Object.assign({}, ...filters.map(({ asked }) => asked)) as Record<string, unknown>,
    fits: (each: StoredJob) => filters.every(({ fits }) => fits(each)),
  })),
);

const QUERY = `query ($filter: JobFilter, $orderBy: JobOrder, $first: Int, $after: String, $last: Int, $before: String) {
  jobs(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) { ${PAGE} } }`;

const orders = Object.keys(ORDERS).flatMap((field) =>
  DIRECTIONS.flatMap((direction) => WAYS.map((way) => [field, direction, way] as const)),
);

describe.each(orders)('jobs by %s %s, paged %s', (field, direction, way) => {
  it.each([...Object.entries(FILTERS), ['several filters', combined] as const])(
    'are those that fit, each once and in order: %s',
    async (_, filter) => {
      await fc.assert(
        fc.asyncProperty(filter, fc.integer({ min: 1, max: 30 }), async ({ asked, fits }, size) => {
          const options = { size, isBackward: way === 'backward' };
          const walked = await walkPages(gateway, QUERY, { filter: asked, orderBy: { field, direction } }, options);
          const ids = sortJobs(jobs.filter(fits), field, direction);
          expect(walked).toEqual({ ids, totalCount: ids.length });
        }),
        { numRuns: 2, seed: SEED },
      );
    },
  );
});
