import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../src/domain/errors.ts';
import { setJobStatus } from '../../src/store/set-job-status.ts';
import { type Batch, type Change, STATUS_CHANGES, sequencesOf, upTo } from '../support/change-stream.ts';
import { globalId, type LiveGateway, startLiveGateway, watch } from '../support/live-gateway.ts';
import { submitPlainJob } from '../support/plain-job.ts';
import { TRANSPORTS, type Transport } from '../support/server.ts';
import { StoreWorker } from '../support/test-store.ts';

const WRITERS = 32;
const JOBS = 6;
const TASKS = 40;
/** How long they write, in ms. */
const WRITING_MS = 4_000;

let gateway: LiveGateway;
beforeAll(async () => {
  // Few changes in memory, so that those who come back read the log as often as not.
  gateway = await startLiveGateway({ maxConnections: WRITERS + 4, feed: { recentChanges: 200, bookmarkMs: 500 } });
});
afterAll(() => gateway.close());

/** A third of the writers cancel and requeue jobs, the others are workers that complete, fail and hand back tasks. */
async function write(number: number, jobIds: readonly string[], deadline: number): Promise<number> {
  const { store } = gateway;
  let changes = 0;
  const worker = number % 3 === 0 ? null : await StoreWorker.signOn(store, { name: `writer ${number} ${jobIds[0]}` });
  while (performance.now() < deadline) {
    if (worker) {
      const { assignments } = await worker.sync({ freeSlots: 1 });
      const token = assignments[0]?.token;
      if (!token) continue;
      const end = [
        { completed: { outputs: [] } },
        { failed: { kind: 'OTHER' as const, message: 'no' } },
        { stopped: { handedBack: true } },
      ][randomInt(3)]!;
      await worker.sync(worker.reporting(token, end));
    } else {
      const jobId = jobIds[randomInt(jobIds.length)]!;
      const request = randomInt(2) ? 'cancel' : 'requeue';
      await setJobStatus(store, jobId, { request }, { actor: `writer ${number}` }).catch(ignoreRefusal);
    }
    changes += 1;
  }
  return changes;
}

function ignoreRefusal(error: unknown): void {
  if (!(error instanceof UserError)) throw error;
}

interface Reading {
  readonly changes: Change[];
  connections: number;
}

/** Reads from the beginning until told what the last change of each job is; leaves and comes back whenever it likes. */
async function readRestlessly(
  transport: Transport,
  start: string,
  isComplete: (changes: readonly Change[]) => boolean,
): Promise<Reading> {
  const reading: Reading = { changes: [], connections: 0 };
  let after = start;
  while (!isComplete(reading.changes)) {
    const stream = watch<Batch>(transport, gateway, STATUS_CHANGES, { after });
    reading.connections += 1;
    for (let left = randomInt(1, 5); left > 0 && !isComplete(reading.changes); left -= 1) {
      const { changes, cursor, __typename } = await stream.next();
      expect(__typename).toBe('StatusChangeBatch');
      // Now and then it goes away in the middle of a batch, and forgets the rest of it.
      const kept = left === 1 && changes.length > 1 ? changes.slice(0, randomInt(1, changes.length)) : changes;
      reading.changes.push(...kept);
      after = kept.length < changes.length ? kept.at(-1)!.cursor : cursor;
    }
    await stream.close();
  }
  return reading;
}

describe('readers that come and go while 32 writers change jobs that they share', () => {
  it('see 1…n of each job, in this order, over both transports', async () => {
    const jobIds: string[] = [];
    const { cursor } = await gateway.ask<Batch>(
      '{ statusChanges(startAt: NOW) { ... on StatusChangeBatch { cursor } } }',
    );
    for (let number = 0; number < JOBS; number += 1) jobIds.push(await submitPlainJob(gateway.store, TASKS));

    let last: Map<string, number> | null = null;
    const isComplete = (changes: readonly Change[]) => {
      if (!last) return false;
      const seen = new Map(changes.map(({ jobId, sequence }) => [jobId, sequence]));
      return [...last].every(([jobId, sequence]) => seen.get(jobId) === sequence);
    };
    const readings = [...TRANSPORTS, ...TRANSPORTS].map((transport) => readRestlessly(transport, cursor, isComplete));
    const deadline = performance.now() + WRITING_MS;
    const written = await Promise.all(Array.from({ length: WRITERS }, (_, number) => write(number, jobIds, deadline)));
    const { rows } = await gateway.store.pool.query<{ id: string; sequence: number }>('SELECT id, sequence FROM job');
    last = new Map(rows.map(({ id, sequence }) => [globalId('Job', id), sequence]));

    const total = [...last.values()].reduce((sum, sequence) => sum + sequence, 0);
    for (const { changes, connections } of await Promise.all(readings)) {
      expect(changes).toHaveLength(total);
      for (const [jobId, sequence] of last) expect(sequencesOf(changes, jobId)).toEqual(upTo(sequence));
      expect(connections).toBeGreaterThan(5);
      console.info(
        `${total} changes of ${JOBS} jobs by ${written.length} writers, read over ${connections} connections`,
      );
    }
    expect(total).toBeGreaterThan(500);
  });
});
