import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { deleteJob } from '../../src/store/delete-job.ts';
import type { Store } from '../../src/store/store.ts';
import { FAILURE_LIMITS, type FailureLimit, planOf, SHAPES, type Shape } from '../model/plan.ts';
import { TestClock } from '../support/clock.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { findRecordFaults } from '../support/expect-consistent.ts';
import { FarmWalk } from '../support/farm-walk.ts';
import { makeRandom, seedOf } from '../support/random.ts';
import { createTestStore } from '../support/test-store.ts';

const WALKS = 34;
const STEPS_EACH = 60;
const MIN_STEPS = 2_000;
const clock = new TestClock();
const seed = seedOf();
let database: TestDatabase;
let store: Store;
let steps = 0;
beforeAll(async () => {
  database = await createTestDatabase({ maxConnections: 2 });
  store = createTestStore(database, { now: clock.now });
});
afterEach(async () => {
  await database.pool.query('DELETE FROM job');
  await database.pool.query('DELETE FROM worker');
});
afterAll(async () => {
  console.log(`Random walks: ${steps} steps; TABLAO_SEED=${seed} replays them.`);
  await database.drop();
});

const shapes = Object.keys(SHAPES) as Shape[];
const limits = Object.keys(FAILURE_LIMITS) as FailureLimit[];

describe(`random walks with TABLAO_SEED=${seed}`, () => {
  it.each(Array.from({ length: WALKS }, (_, index) => ({ walk: index + 1 })))(
    '$walk: the database says what the model says',
    async ({ walk }) => {
      const random = makeRandom(seed + walk);
      const oneOf = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)]!;
      const plans = [0, 1].map(() => planOf(oneOf(shapes), oneOf([2, 3]), oneOf(limits)));
      const farm = new FarmWalk(store, clock, random);
      await farm.begin(plans, 3);
      while (farm.steps < STEPS_EACH) await farm.step();
      await farm.finish();
      steps += farm.steps;
      expect(await findRecordFaults(database.pool, farm.jobIds)).toEqual([]);
      for (const id of farm.jobIds) await deleteJob(store, id, { actor: 'user' });
      expect(await findRecordFaults(database.pool, farm.jobIds)).toEqual([]);
      await database.pool.query('DELETE FROM worker');
    },
  );

  it(`are at least ${MIN_STEPS} steps in all`, () => {
    expect(steps).toBeGreaterThanOrEqual(MIN_STEPS);
  });
});
