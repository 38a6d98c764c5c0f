import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Farm } from '../support/farm.ts';
import { globalId } from '../support/live-gateway.ts';

let farm: Farm;
beforeAll(async () => {
  farm = await Farm.start();
});
afterAll(() => farm.close());

const NODES = 'query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }';
const NODE = 'query ($id: ID!) { node(id: $id) { __typename id } }';

it('finds anything by its global id, and null for what does not exist', async () => {
  const job = await farm.submit([[]]);
  const worker = await farm.worker();
  const { attempt, task } = (await worker.claim())!;
  const there = { Job: job.id, Task: task.id, Attempt: attempt.id, Worker: worker.id };
  const nobody = [
    ...(['Job', 'Task', 'Attempt', 'Worker'] as const).map((noun) => globalId(noun, randomUUID())),
    globalId('Job', 'x'),
    Buffer.from(`Ghost:${randomUUID()}`).toString('base64'),
    'nobody',
    '',
  ];
  const { nodes } = await farm.gateway.run<{ nodes: unknown[] }>(NODES, { ids: [...Object.values(there), ...nobody] });
  expect(nodes).toEqual([
    ...Object.entries(there).map(([__typename, id]) => ({ __typename, id })),
    ...nobody.map(() => null),
  ]);
  for (const id of nobody) expect(await farm.gateway.run(NODE, { id })).toEqual({ node: null });
});
