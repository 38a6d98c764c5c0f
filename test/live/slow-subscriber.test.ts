import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setJobStatus } from '../../src/store/set-job-status.ts';
import { STATUS_CHANGES } from '../support/change-stream.ts';
import { globalId, type LiveGateway, startLiveGateway } from '../support/live-gateway.ts';
import { PAUSABLE_TRANSPORTS, type PausableReader, type PausableTransport } from '../support/pausable-reader.ts';
import { submitPlainJob } from '../support/plain-job.ts';

const SLOW = 20;
const TASKS = 2_000;
const ROUNDS = 10;
/** What each may cost while it does not read: one message on its way, and the buffers of both ends, which are in this process. */
const MOST_BYTES_EACH = 2 * 1024 * 1024;

let gateway: LiveGateway;
beforeAll(async () => {
  gateway = await startLiveGateway({ feed: { recentChanges: 5_000 } });
});
afterAll(() => gateway.close());

/** Keeps numbers only: what the test itself holds must not grow with what is sent. */
class Subscriber {
  seen = 0;
  bytes = 0;
  disorder = 0;
  reader: PausableReader | undefined;

  async open(transport: PausableTransport, jobId: string): Promise<void> {
    const variables = { jobId, startAt: 'OLDEST' };
    this.reader = await transport.open(gateway.url, { query: STATUS_CHANGES, variables }, (text) => {
      this.bytes += text.length;
      for (const [, sequence] of text.matchAll(/"sequence":(\d+)/g)) {
        if (Number(sequence) !== this.seen + 1) this.disorder += 1;
        this.seen = Number(sequence);
      }
    });
  }
}

function collectGarbage(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function change(jobId: string, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round += 1)
    for (const request of ['cancel', 'requeue'] as const)
      await setJobStatus(gateway.store, jobId, { request }, { actor: 'test' });
}

describe.each(PAUSABLE_TRANSPORTS)('subscribers that stop reading over $name, under load', (transport) => {
  it('cost a bounded amount of memory and nobody else anything, and get everything when they read again', async () => {
    const jobId = await submitPlainJob(gateway.store, TASKS);
    const slow = Array.from({ length: SLOW }, () => new Subscriber());
    const quick = new Subscriber();
    for (const each of [...slow, quick]) await each.open(transport, globalId('Job', jobId));
    await change(jobId, 1);
    const sequence = async () => (await gateway.store.prisma.job.findUniqueOrThrow({ where: { id: jobId } })).sequence;
    const first = await sequence();
    for (const each of [...slow, quick]) await expect.poll(() => each.seen, { timeout: 20_000 }).toBe(first);

    for (const { reader } of slow) reader!.pause();
    const before = collectGarbage();
    const bytesBefore = quick.bytes;
    let worst = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const begun = performance.now();
      await change(jobId, 1);
      const goal = await sequence();
      await expect.poll(() => quick.seen, { timeout: 20_000, interval: 10 }).toBe(goal);
      worst = Math.max(worst, performance.now() - begun);
    }
    const grown = collectGarbage() - before;
    const last = await sequence();
    const unread = ((last - slow[0]!.seen) / (last - first)) * (quick.bytes - bytesBefore);
    console.info(
      `${transport.name}: ${SLOW} subscribers with up to ${mebibytes(unread)} unread each; the process grew by ${mebibytes(grown)}; ` +
        `one that reads had ${last - first} changes, ${2 * TASKS + 6} of them within ${worst.toFixed(0)} ms at the most`,
    );
    expect(quick.seen).toBe(last);
    expect(
      slow.every(({ seen }) => seen < last),
      'every buffer on the way is full',
    ).toBe(true);
    expect(grown).toBeLessThan(SLOW * MOST_BYTES_EACH);

    for (const { reader } of slow) reader!.resume();
    for (const each of slow) await expect.poll(() => each.seen, { timeout: 20_000 }).toBe(last);
    expect([...slow, quick].map(({ disorder }) => disorder)).toEqual(Array(SLOW + 1).fill(0));
    for (const { reader } of [...slow, quick]) reader!.close();
  }, 60_000);
});

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
