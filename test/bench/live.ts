import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { WebSocketServer } from 'ws';
import { SyncDesk } from '../../src/dispatch/sync-desk.ts';
import { BUILT_IN_JOB_TYPES } from '../../src/job-types/built-in.ts';
import { startGateway } from '../../src/server/start-gateway.ts';
import { DEFAULT_LOG_LIMIT_BYTES } from '../../src/store/append-task-log.ts';
import { openDataDirectory } from '../../src/store/data-directory.ts';
import { openDatabase } from '../../src/store/database.ts';
import { startEmbedded } from '../../src/store/embedded.ts';
import { migrate } from '../../src/store/migrate.ts';
import type { Store } from '../../src/store/store.ts';
import type { SyncAnswer } from '../../src/store/sync-call.ts';
import { syncWorkers } from '../../src/store/sync-workers.ts';
import { submitPlainJob } from '../support/plain-job.ts';
import { StoreWorker } from '../support/test-store.ts';
import type { ClientOrder, ClientReport, Receipt } from './live-clients.ts';

const SOCKETS = 1_000;
const STREAMS = 200;
const CHANGES_PER_SECOND = 50;
const BURST = 2_000;
const BURST_WORKERS = 200;
const BURST_PRIORITY = 100;

/** What a dashboard asks for. */
const QUERY = `subscription { statusChanges { ... on StatusChangeBatch { cursor changes { sequence jobId at
  ... on JobStatusChange { jobTo } ... on TaskStatusChange { taskId taskTo } } } } }`;

/**
 * From a commit to its receipt by 1,000 WebSockets and 200 server-sent event streams, on a gateway with a durable database
 * of its own: at a steady pace, as fast as it goes, and in a burst; beside a bare broadcast of the same bytes to as many
 * bare WebSockets in the same run. The subscribers are another process on the same machine.
 */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '10' },
      sockets: { type: 'string', default: String(SOCKETS) },
      streams: { type: 'string', default: String(STREAMS) },
      rounds: { type: 'string', default: '100' },
    },
  });
  const sockets = Number(values.sockets);
  const streams = Number(values.streams);
  const folder = await mkdtemp(join(tmpdir(), 'tablao-bench-'));
  const directory = await openDataDirectory(folder);
  const logger = pino({ level: 'warn' });
  const server = await startEmbedded({ directory, logger });
  const database = await openDatabase(server.config, { logger });
  try {
    await migrate(database.pool, { logger });
    const gateway = await startGateway({
      database,
      jobTypes: BUILT_IN_JOB_TYPES,
      logger,
      host: '127.0.0.1',
      port: 0,
      allowAnonymous: false,
      leaseSeconds: 600,
      retryDelaySeconds: 30,
      logLimitBytes: DEFAULT_LOG_LIMIT_BYTES,
    });
    const clients = new Clients();
    try {
      await clients.open({ kind: 'gateway', url: gateway.url, query: QUERY, sockets, streams });
      console.log(`${sockets} WebSockets and ${streams} event streams, one gateway, durable database`);
      const writer = new Writer(gateway.store);
      await measureSteady(writer, clients, Number(values.seconds), sockets + streams);
      await writer.begin(2 * Number(values.rounds));
      await delay(500);
      const paced = await measureRounds(Number(values.rounds), sockets + streams, clients, () => writer.change());
      await measureBurst(gateway.store, clients, sockets + streams);
      await clients.close();
      const floor = await measureFloor(Number(values.rounds), sockets + streams);
      console.log(`as fast as it goes, one change a message: ${format(paced)} deliveries/s`);
      console.log(`floor, a bare ws broadcast of the same:   ${format(floor)} deliveries/s`);
      console.log(`of the floor: ${Math.round((paced / floor) * 100)} %`);
    } finally {
      await clients.close();
      await gateway.close(0);
    }
  } finally {
    await database.close();
    await server.stop();
    await directory.release();
    await rm(folder, { recursive: true, force: true });
  }
}

type Receipts = Extract<ClientReport, { kind: 'done' }>;

/** The other process, with all subscribers. */
class Clients {
  private readonly process: ChildProcess = fork(join(import.meta.dirname, 'live-clients.ts'), {
    serialization: 'advanced',
  });

  async open(order: ClientOrder): Promise<void> {
    this.process.send(order);
    await once(this.process, 'message');
  }

  /** Resolves when it counts from now on; `done` when every subscriber has got so many changes. */
  async expect(changes: number, isQuiet = false): Promise<{ done: Promise<Receipts> }> {
    this.process.send({ kind: 'expect', changes, isQuiet } satisfies ClientOrder);
    await once(this.process, 'message');
    return { done: once(this.process, 'message').then(([report]) => report) };
  }

  async close(): Promise<void> {
    if (this.process.exitCode !== null || !this.process.connected) return;
    this.process.kill();
    await once(this.process, 'exit');
  }
}

/** Makes one change after the other, each a commit of its own: a worker takes a task and completes it. */
class Writer {
  /** By the number of the change, in µs on the machine's monotonic clock. */
  readonly committed = new Map<number, number>();
  private readonly store: Store;
  private worker: StoreWorker | undefined;
  private token: string | null = null;
  private jobId = '';
  /** Above that of what was left before. */
  private priority = 50;
  private sequence = 0;

  constructor(store: Store) {
    this.store = {
      ...store,
      announce: (change) => {
        if (change.jobIds.has(this.jobId)) {
          this.sequence += 1;
          this.committed.set(this.sequence, microseconds());
        }
        store.announce(change);
      },
    };
  }

  /** A job of its own, in which its worker has begun. */
  async begin(tasks: number): Promise<void> {
    this.priority += 1;
    this.jobId = await submitPlainJob(this.store, tasks, { priority: this.priority });
    this.worker = await StoreWorker.signOn(this.store, { name: `bench ${this.jobId}` });
    this.token = await this.worker.claim();
    this.sequence = 4; // born, queued, active, the first task active
    this.committed.clear();
  }

  /** Makes the next change and says when it was committed (µs). */
  async change(): Promise<number> {
    const worker = this.worker!;
    if (this.token === null) this.token = await worker.claim();
    else {
      await worker.sync(worker.reporting(this.token, { completed: { outputs: [] } }));
      this.token = null;
    }
    return this.committed.get(this.sequence)!;
  }
}

async function measureSteady(writer: Writer, clients: Clients, seconds: number, subscribers: number): Promise<void> {
  const changes = seconds * CHANGES_PER_SECOND;
  await writer.begin(changes);
  await delay(500);
  const { done } = await clients.expect(changes);
  const cpu = process.cpuUsage();
  const begun = performance.now();
  for (let number = 0; number < changes; number += 1) {
    await delay(Math.max(0, begun + (number * 1000) / CHANGES_PER_SECOND - performance.now()));
    await writer.change();
  }
  const { receipts, messages, disorder } = await done;
  const took = (performance.now() - begun) / 1000;
  const used = process.cpuUsage(cpu);
  const latencies = measureLatencies(receipts, writer.committed);
  console.log(
    `steady, ${CHANGES_PER_SECOND} changes/s for ${seconds} s: ${describe(latencies)}, ` +
      `${format((changes * subscribers) / took)} changes delivered/s in ${messages} messages, out of order: ${disorder}, ` +
      `gateway ${Math.round((used.user + used.system) / took / 10_000)} % of a core`,
  );
}

/**
 * Messages per second while there is one to deliver: the next one comes when everyone has got the last one.
 *
 * @param send sends one message to everyone and says when it began (µs)
 */
async function measureRounds(
  rounds: number,
  subscribers: number,
  clients: Clients,
  send: () => Promise<number> | number,
): Promise<number> {
  let took = 0;
  for (let round = 0; round < rounds; round += 1) {
    const { done } = await clients.expect(1, true);
    const begun = await send();
    took += (await done).lastAt - begun;
  }
  return (rounds * subscribers * 1_000_000) / took;
}

/** 200 workers that each take and complete five tasks, through the gateway's own batches. */
async function measureBurst(gatewayStore: Store, clients: Clients, subscribers: number): Promise<void> {
  const cycles = BURST / BURST_WORKERS / 2;
  const committed = new Map<number, number>();
  let committedAt = 0;
  const store: Store = {
    ...gatewayStore,
    announce: (change) => {
      committedAt = microseconds();
      gatewayStore.announce(change);
    },
  };
  await submitPlainJob(store, BURST, { priority: BURST_PRIORITY });
  let sequence = 2; // born, queued
  const desk = new SyncDesk(async (calls) => {
    const results = (await syncWorkers(store, calls)) as SyncAnswer[];
    if (sequence === 2) sequence = 3; // active, with the first claim
    for (const { assignments, reports } of results)
      for (let left = assignments.length + reports.length; left > 0; left -= 1) {
        sequence += 1;
        committed.set(sequence, committedAt);
      }
    return results;
  });
  const workers: StoreWorker[] = [];
  for (let number = 0; number < BURST_WORKERS; number += 1)
    workers.push(await StoreWorker.signOn(store, { name: `burst ${number}` }));
  await delay(1_000);
  const { done } = await clients.expect(BURST + 1);
  const begun = performance.now();
  await Promise.all(
    workers.map(async (worker) => {
      for (let cycle = 0; cycle < cycles; cycle += 1) {
        const claimed = (await desk.answer(worker.call({ freeSlots: 1 }), 10_000)) as SyncAnswer;
        await desk.answer(worker.reporting(claimed.assignments[0]!.token, { completed: { outputs: [] } }), 0);
      }
    }),
  );
  const written = performance.now() - begun;
  const { receipts, messages, disorder } = await done;
  const took = performance.now() - begun;
  const latencies = measureLatencies(receipts, committed);
  console.log(
    `burst of ${BURST} changes by ${BURST_WORKERS} workers: everyone has all after ${(took / 1000).toFixed(2)} s ` +
      `(written in ${(written / 1000).toFixed(2)} s), ${describe(latencies)}, ` +
      `${format((BURST * subscribers * 1000) / took)} changes delivered/s in ${messages} messages, out of order: ${disorder}`,
  );
}

async function measureFloor(rounds: number, sockets: number): Promise<number> {
  const http = createServer();
  const server = new WebSocketServer({ server: http, perMessageDeflate: false });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const clients = new Clients();
  try {
    await clients.open({ kind: 'bare', url: `http://127.0.0.1:${(http.address() as { port: number }).port}`, sockets });
    let sequence = 0;
    return await measureRounds(rounds, sockets, clients, () => {
      sequence += 1;
      const message = JSON.stringify({ id: '1', type: 'next', payload: { data: exampleData(sequence) } });
      const begun = microseconds();
      for (const socket of server.clients) socket.send(message);
      return begun;
    });
  } finally {
    await clients.close();
    server.close();
    http.close();
  }
}

/** As long as a message of the gateway with one change. */
function exampleData(sequence: number): object {
  const id = globalId('01a20e9c-38d8-77a2-bd2d-c9700d30366a');
  const change = { sequence, jobId: id, at: '2026-11-24T17:30:48.920Z', taskId: id, taskTo: 'COMPLETED' };
  return { statusChanges: { cursor: 'ZS5WNVZReWZnUWlVR3NnM0tRLjc2Mi4yLjEuMTc5NTU0MTQ0ODk0Ng', changes: [change] } };
}

/** From commit to receipt in ms, for each change and each subscriber. */
function measureLatencies(receipts: readonly Receipt[], committed: ReadonlyMap<number, number>): Float64Array {
  const latencies: number[] = [];
  for (const [first, last, at] of receipts)
    for (let number = first; number <= last; number += 1) {
      const time = committed.get(number);
      if (time !== undefined) latencies.push((at - time) / 1000);
    }
  return Float64Array.from(latencies).sort();
}

function describe(latencies: Float64Array): string {
  const at = (share: number) =>
    latencies[Math.min(latencies.length - 1, Math.floor(share * latencies.length))] ?? Number.NaN;
  return `p50 ${at(0.5).toFixed(1)} ms, p99 ${at(0.99).toFixed(1)} ms, worst ${at(1).toFixed(1)} ms`;
}

function format(value: number): string {
  return Math.round(value).toLocaleString('en');
}

function globalId(jobId: string): string {
  return Buffer.from(`Job:${jobId}`).toString('base64');
}

function microseconds(): number {
  return Number(process.hrtime.bigint() / 1000n);
}
