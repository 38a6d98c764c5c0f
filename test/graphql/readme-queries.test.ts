import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Farm } from '../support/farm.ts';
import { readBlocks } from '../support/readme.ts';

/* The README's queries as they stand there. */

let farm: Farm;
beforeAll(async () => {
  farm = await Farm.start();
});
afterAll(() => farm.close());

const BLOCKS = readBlocks('Queries', 'graphql');

function blockOf(operation: string): string {
  const block = BLOCKS.find((text) => text.startsWith(`query ${operation} `));
  if (!block) throw new Error(`The README has no query ${operation}.`);
  return block;
}

describe('of the README', () => {
  it('the search finds failed jobs of a film, with what went wrong', async () => {
    const worker = await farm.worker('anna');
    const metadata = { show: 'film' };
    for (const name of ['SH010', 'sh020', 'other']) {
      await farm.submit([[], []], { name, metadata, maxAttempts: 1, failureLimitPercent: 100, priority: 90 });
      await worker.fail((await worker.claim())!.attemptToken);
      await worker.fail((await worker.claim())!.attemptToken);
      farm.clock.advance(1);
    }
    await farm.submit([[]], { name: 'sh030', metadata });
    interface Found {
      readonly totalCount: number;
      readonly nodes: {
        readonly name: string;
        readonly status: string;
        readonly tasks: { readonly nodes: { readonly attempts: { readonly nodes: object[] } }[] };
      }[];
      readonly pageInfo: object;
    }
    const { jobs } = await farm.gateway.run<{ jobs: Found }>(blockOf('Search'));
    expect(jobs.totalCount).toBe(2);
    expect(jobs.nodes.map(({ name, status }) => `${name} ${status}`)).toEqual(['sh020 FAILED', 'SH010 FAILED']);
    expect(jobs.nodes[0]!.tasks.nodes[0]!.attempts.nodes).toMatchObject([{ worker: { name: 'anna' } }]);
    expect(jobs.pageInfo).toEqual({ hasNextPage: false, endCursor: expect.any(String) });
  });

  it('the preview shows 250 frames in 25 tasks and a video', async () => {
    const { previewJob } = await farm.gateway.run<{ previewJob: object }>(blockOf('Preview'));
    expect(previewJob).toMatchObject({
      taskCount: 26,
      frameCount: 250,
      tasks: [{ frames: '1-10', commands: [{ name: 'blender-render' }] }, { frames: '11-20' }],
    });
  });

  it('the glance has the farm', async () => {
    const { farm: glance } = await farm.gateway.run<{ farm: object }>(blockOf('Farm'));
    expect(glance).toMatchObject({ waitingTasks: 1, workerCounts: [{ status: 'AWAKE', count: 1 }, {}, {}, {}] });
  });

  it('there is no other', () => {
    expect(BLOCKS).toHaveLength(3);
  });
});
