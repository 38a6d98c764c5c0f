import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { TaskStatus } from '../../src/domain/task-status.ts';
import { countFrames, readFrames } from '../../src/store/frames.ts';
import { findTasksWithFrames } from '../../src/store/tasks-with-frames.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { submitPlainJob } from '../support/plain-job.ts';
import { createTestStore } from '../support/test-store.ts';

const TASKS = 100_000;
const CHUNK = 10;

let database: TestDatabase;
let jobId: string;
beforeAll(async () => {
  database = await createTestDatabase();
  const tasks = Array.from({ length: TASKS }, (_, index) => ({
    name: `task ${index + 1}`,
    type: 'misc',
    frames: `${index * CHUNK + 1}-${(index + 1) * CHUNK}`,
    commands: [],
    dependsOn: [],
  }));
  jobId = await submitPlainJob(createTestStore(database), 0, { tasks });
  await database.pool.query(
    `UPDATE task SET status = CASE WHEN index % 20000 = 7 THEN 'failed' WHEN index < 50000 THEN 'completed' ELSE 'queued' END`,
  );
  await database.pool.query('VACUUM ANALYZE task');
}, 120_000);
afterAll(() => database.drop());

/** Runs it and gives how many pages of the database its statements touched, at most, each. */
async function countBlocks<Result>(run: () => Promise<Result>): Promise<{ result: Result; blocks: number }> {
  const asked = vi.spyOn(database.pool, 'query');
  const result = await run();
  const statements = asked.mock.calls.map(([given]) => given as unknown as { text: string; values: unknown[] });
  asked.mockRestore();
  let blocks = 0;
  for (const { text, values } of statements) {
    const { rows } = await database.pool.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`, values);
    const plan = (rows[0] as { 'QUERY PLAN': { Plan: Record<string, number> }[] })['QUERY PLAN'][0]!.Plan;
    blocks = Math.max(blocks, plan['Shared Hit Blocks']! + plan['Shared Read Blocks']!);
  }
  return { result, blocks };
}

/** A hundred tasks, each with the look whether an attempt is executing it: far below the 2,000 pages that the tasks fill. */
const FEW_BLOCKS = 900;

it.each<[string, number, TaskStatus | null, number]>([
  ['the first', 0, null, 1],
  ['one in the middle', 499_995, null, 499_996],
  ['the last', 999_900, null, 999_901],
  ['the first queued', 0, 'queued', 500_001],
  ['the first failed', 0, 'failed', 71],
  ['the last failed', 600_075, 'failed', 600_076],
])('a page of a job of 1,000,000 frames costs the page: %s', async (_which, number, status, expected) => {
  const after = { number, taskIndex: TASKS };
  const { result, blocks } = await countBlocks(async () => {
    const pages = await readFrames(database.pool, [jobId], { after, status, limit: 100 });
    return pages.get(jobId) ?? [];
  });
  expect(result[0]?.number).toBe(expected);
  expect(result).toHaveLength(status === 'failed' ? result.length : 100);
  expect(blocks).toBeLessThan(FEW_BLOCKS);
});

it('counts the frames of a status by their tasks', async () => {
  expect(await countFrames(database.pool, [jobId], 'failed')).toEqual(new Map([[jobId, 50]]));
  expect(await countFrames(database.pool, [jobId], 'completed')).toEqual(new Map([[jobId, 499_970]]));
});

it('finds the task of a frame without those before it', async () => {
  const { result, blocks } = await countBlocks(() => findTasksWithFrames(database.pool, [jobId], [999_999]));
  expect(result.map(({ frames }) => frames)).toEqual([[999_999]]);
  expect(blocks).toBeLessThan(100);
});
