import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setJobStatus } from '../../src/store/set-job-status.ts';
import { type Batch, type Change, STATUS_CHANGES, sequencesOf, upTo } from '../support/change-stream.ts';
import {
  globalId,
  type LiveGateway,
  signOnFarmWorker,
  startGatewayBeside,
  startLiveGateway,
  watch,
} from '../support/live-gateway.ts';
import { submitPlainJob } from '../support/plain-job.ts';
import { TRANSPORTS } from '../support/server.ts';

/** Far less than what the gateways poll at: what comes within it has been told. */
const TOLD_MS = 700;
/** So rarely that nothing here happens because of it. */
const RARELY = { pollMs: 60_000, stateRefreshMs: 60_000 };

const [, webSocket] = TRANSPORTS;
let one: LiveGateway;
let two: LiveGateway;
let spawned: ChildProcess;
let three: { url: string };

beforeAll(async () => {
  one = await startLiveGateway({ feed: RARELY });
  two = await startGatewayBeside(one, { feed: RARELY });
  spawned = spawn(
    process.execPath,
    [join(import.meta.dirname, '../support/gateway-process.ts'), JSON.stringify(one.config)],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  const [line] = await once(spawned.stdout!, 'data');
  three = { url: String(line).trim() };
});
afterAll(async () => {
  spawned.stdin?.end();
  await once(spawned, 'exit');
  await two.close();
  await one.close();
});

const cancel = (jobId: string, gateway = one) =>
  setJobStatus(gateway.store, jobId, { request: 'cancel' }, { actor: 'test' });

/** How long it took from the call to the message. */
async function measure(act: () => Promise<unknown>, arrives: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await act();
  await arrives();
  return performance.now() - begun;
}

describe('what is written through one of several gateways on a database', () => {
  it('reaches exact streams of all of them, at once and in order', async () => {
    const jobId = await submitPlainJob(one.store, 3);
    const streams = [one, two, three].map((gateway) =>
      watch<Batch>(webSocket!, gateway, STATUS_CHANGES, { jobId: globalId('Job', jobId), startAt: 'OLDEST' }),
    );
    const changes: Change[][] = [[], [], []];
    for (const [index, stream] of streams.entries()) changes[index]!.push(...(await stream.next()).changes);
    const took = await measure(
      () => cancel(jobId, two),
      () =>
        Promise.all(
          streams.map(async (stream, index) => {
            while (changes[index]!.length < 7) changes[index]!.push(...(await stream.next()).changes);
          }),
        ),
    );
    expect(took).toBeLessThan(TOLD_MS);
    console.info(`a cancel through one gateway reached the streams of three within ${took.toFixed(0)} ms`);
    for (const each of changes) expect(sequencesOf(each, globalId('Job', jobId))).toEqual(upTo(7));
    for (const stream of streams) await stream.close();
  });

  it('reaches states and pages, also what no event tells', async () => {
    const jobId = await submitPlainJob(two.store, 1);
    const query = 'subscription ($id: ID!) { jobUpdated(id: $id) { ... on Job { name } } }';
    const page = 'subscription { jobsUpdated(first: 1) { changed { name } } }';
    const states = [two, three].map((gateway) =>
      watch<{ name: string }>(webSocket!, gateway, query, { id: globalId('Job', jobId) }),
    );
    const pages = [two, three].map((gateway) => watch<{ changed: { name: string }[] }>(webSocket!, gateway, page));
    for (const stream of [...states, ...pages]) await stream.next();
    const took = await measure(
      () =>
        one.ask(`mutation ($id: ID!) { updateJob(input: { id: $id, name: "renamed" }) { __typename } }`, {
          id: globalId('Job', jobId),
        }),
      async () => {
        for (const stream of states) expect(await stream.next()).toEqual({ name: 'renamed' });
        for (const stream of pages) expect((await stream.next()).changed).toEqual([{ name: 'renamed' }]);
      },
    );
    expect(took).toBeLessThan(TOLD_MS);
    for (const stream of [...states, ...pages]) await stream.close();
    await cancel(jobId);
  });

  it('reaches those who follow a log', async () => {
    const jobId = await submitPlainJob(one.store, 1);
    const task = await one.store.prisma.task.findFirstOrThrow({ where: { jobId } });
    const worker = await signOnFarmWorker(one, 'printer');
    const { attemptToken } = (await worker.claim())!;
    const query = 'subscription ($id: ID!) { taskLog(taskId: $id) { ... on TaskLogChunk { text ended } } }';
    const streams = [two, three].map((gateway) =>
      watch<{ text: string; ended: boolean }>(webSocket!, gateway, query, { id: globalId('Task', task.id) }),
    );
    for (const stream of streams) expect(await stream.next()).toEqual({ text: '', ended: false });
    const took = await measure(
      () => worker.appendLog(attemptToken, 0, 'hello\n'),
      async () => {
        for (const stream of streams) expect(await stream.next()).toEqual({ text: 'hello\n', ended: false });
      },
    );
    expect(took).toBeLessThan(TOLD_MS);
    await worker.complete(attemptToken);
    for (const stream of streams) expect(await stream.next()).toEqual({ text: '', ended: true });
    for (const stream of streams) await stream.end();
  });

  it('keeps its cursor on every gateway', async () => {
    const jobId = await submitPlainJob(one.store, 1);
    const stream = watch<Batch>(webSocket!, one, STATUS_CHANGES, { jobId: globalId('Job', jobId), startAt: 'OLDEST' });
    const { cursor } = await stream.next();
    await stream.close();
    await cancel(jobId);
    for (const gateway of [two, three]) {
      const resumed = watch<Batch>(webSocket!, gateway, STATUS_CHANGES, {
        jobId: globalId('Job', jobId),
        after: cursor,
      });
      const seen: Change[] = [];
      while (seen.length < 3) seen.push(...(await resumed.next()).changes);
      expect(seen.map(({ sequence }) => sequence)).toEqual([3, 4, 5]);
      await resumed.close();
    }
  });
});

it('a gateway that is alone on its database sends no notifications', async () => {
  const alone = await startLiveGateway();
  const listener = new Client(alone.config);
  await listener.connect();
  const heard: (string | undefined)[] = [];
  listener.on('notification', ({ payload }) => heard.push(payload));
  await listener.query('LISTEN tablao_feed');

  const stream = watch<Batch>(webSocket!, alone, STATUS_CHANGES);
  await stream.next();
  await submitPlainJob(alone.store, 1);
  expect((await stream.next()).changes).toHaveLength(2);
  await listener.query(`NOTIFY tablao_feed, 'of the test'`);
  await expect.poll(() => heard.at(-1)).toBe('of the test');
  expect(heard.filter((payload) => !payload?.startsWith('hello '))).toEqual(['of the test']);

  await stream.close();
  await listener.end();
  await alone.close();
});
