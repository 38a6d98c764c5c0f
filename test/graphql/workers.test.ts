import fc from 'fast-check';
import { v7 as newId } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeId } from '../../src/graphql/global-id.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { PAGE, walkPages } from '../support/page-walk.ts';
import { seedOf } from '../support/random.ts';

interface StoredWorker {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly tags: string[];
  readonly deletedAt: Date | null;
}

const SEED = seedOf();
const STATUSES = ['AWAKE', 'ASLEEP', 'OFFLINE', 'LOST'];
const TAGS = ['gpu', 'GPU', 'big', 'a.b'];

const worker = fc.record({
  status: fc.constantFrom(...STATUSES),
  tags: fc.subarray(TAGS),
  deletedAt: fc.constantFrom(null, null, null, new Date()),
});

let gateway: TestGateway;
let workers: StoredWorker[];
beforeAll(async () => {
  gateway = await startTestGateway();
  await gateway.sweep.stop();
  const names = ['render-9', 'render-10', 'Render-1', 'ünder', '鏡', 'a b', "o'neil", '%', '_'];
  workers = fc
    .sample(worker, { numRuns: 50, seed: SEED })
    .map((each, n) => ({ ...each, id: newId(), name: names[n] ?? `host-${n}` }));
  const moment = new Date();
  await gateway.store.prisma.worker.createMany({
    data: workers.map((each) => ({
      ...each,
      tokenHash: each.id,
      platform: 'test',
      version: '1',
      taskTypes: [],
      blenderVersions: [],
      registeredAt: moment,
      lastSeenAt: moment,
    })),
  });
});
afterAll(() => gateway.close());

interface Filter {
  readonly asked: Record<string, unknown>;
  readonly fits: (worker: StoredWorker) => boolean;
}
const statuses: fc.Arbitrary<Filter> = fc
  .subarray(STATUSES)
  .map((some) => ({ asked: { statuses: some }, fits: ({ status }) => some.includes(status) }));
const tag: fc.Arbitrary<Filter> = fc
  .constantFrom(...TAGS, 'none')
  .map((one) => ({ asked: { tag: one }, fits: ({ tags }) => tags.includes(one) }));
// biome-ignore format: one filter per line
const FILTERS: [string, fc.Arbitrary<Filter>][] = [
  ['no filter',      fc.constantFrom({}, null, undefined).map((asked) => ({ asked: asked as Record<string, unknown>, fits: () => true }))],
  ['statuses',       statuses],
  ['tag',            tag],
  ['statuses, tag',  fc.tuple(statuses, tag).map(([a, b]) => ({ asked: { ...a.asked, ...b.asked }, fits: (each) => a.fits(each) && b.fits(each) }))],
];

const QUERY = `query ($filter: WorkerFilter, $first: Int, $after: String, $last: Int, $before: String) {
  workers(filter: $filter, first: $first, after: $after, last: $last, before: $before) { ${PAGE} } }`;

describe.each(['forward', 'backward'])('workers, paged %s', (way) => {
  it.each(FILTERS)('are the living ones that fit, each once and by name: %s', async (_, filter) => {
    await fc.assert(
      fc.asyncProperty(filter, fc.integer({ min: 1, max: 30 }), async ({ asked, fits }, size) => {
        const walked = await walkPages(gateway, QUERY, { filter: asked }, { size, isBackward: way === 'backward' });
        const ids = workers
          .filter((each) => each.deletedAt === null && fits(each))
          .toSorted((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
          .map(({ id }) => encodeId('Worker', id));
        expect(walked).toEqual({ ids, totalCount: ids.length });
      }),
      { numRuns: 6, seed: SEED },
    );
  });
});
