import { Client } from 'pg';
import { validateSettings } from '../../src/domain/job-settings.ts';
import type { Database } from '../../src/store/database.ts';
import { jobLockKey } from '../../src/store/job-locks.ts';
import { registerWorker } from '../../src/store/register-worker.ts';
import { signOnWorker } from '../../src/store/sign-on-worker.ts';
import type { Store } from '../../src/store/store.ts';
import { submitJob } from '../../src/store/submit-job.ts';
import type { SyncAnswer, SyncCall } from '../../src/store/sync-call.ts';
import { syncWorkers } from '../../src/store/sync-workers.ts';
import { workerLockKey } from '../../src/store/worker-rows.ts';
import type { TestDatabase } from './database.ts';
import { until } from './processes.ts';
import { type Shape, TEST_JOB_TYPES } from './shape-job-type.ts';

/** A store on a database, without a gateway: nobody is told of what it changes. */
export function createTestStore(database: Database, options: Partial<Store> = {}): Store {
  return {
    pool: database.pool,
    prisma: database.prisma,
    now: () => new Date(),
    leaseMs: 60_000,
    retryDelayMs: 30_000,
    logLimitBytes: 1_000_000,
    picturesPerJob: 100,
    announce: () => {},
    ...options,
  };
}

export interface StoredJob {
  readonly id: string;
  /** By index. */
  readonly tasks: readonly string[];
}

/** Submits a job of this shape, past the API. */
export async function submitShape(
  store: Store,
  shape: Shape,
  change: Partial<Parameters<typeof submitJob>[1]> = {},
): Promise<StoredJob> {
  const type = TEST_JOB_TYPES.get('shape')!;
  const result = validateSettings(type.settings, { shape: JSON.stringify(shape) });
  if ('issues' in result) throw new Error(JSON.stringify(result.issues));
  const job = {
    name: 'job',
    type: type.name,
    jobTypeVersion: type.version,
    priority: 50,
    maxWorkers: null,
    workerTag: null,
    needs: {},
    maxAttempts: 3,
    failureLimitPercent: 100,
    taskTimeoutSeconds: null,
    noOutputTimeoutSeconds: 3600,
    submitter: 'test',
    settings: result.settings,
    metadata: {},
    files: [],
    idempotencyKey: null,
    input: {},
    tasks: type.compile({ jobName: 'job', settings: result.settings }),
    ...change,
  };
  const { jobId } = await submitJob(store, job);
  const { rows } = await store.pool.query<{ id: string }>('SELECT id FROM task WHERE job_id = $1 ORDER BY index', [
    jobId,
  ]);
  return { id: jobId, tasks: rows.map(({ id }) => id) };
}

/** A worker as the store knows it: what a call of it says, and what it is told. */
export class StoreWorker {
  readonly store: Store;
  readonly id: string;
  sessionNumber = 0;
  private sequence = 0;

  private constructor(store: Store, id: string) {
    this.store = store;
    this.id = id;
  }

  static async signOn(store: Store, { name = 'worker', slots = 1 } = {}): Promise<StoreWorker> {
    const { workerId } = await registerWorker(store, { name, platform: 'test' });
    const worker = new StoreWorker(store, workerId);
    await worker.signOn(slots);
    return worker;
  }

  async signOn(slots = 1): Promise<void> {
    const { sessionNumber } = await signOnWorker(this.store, this.id, {
      version: '1',
      taskTypes: ['misc'],
      tags: [],
      blenderVersions: [],
      devices: [],
      offers: [],
      slots,
    });
    this.sessionNumber = sessionNumber;
  }

  call(input: Partial<SyncCall> = {}): SyncCall {
    const { id: workerId, sessionNumber } = this;
    return {
      workerId,
      sessionNumber,
      status: 'AWAKE',
      running: [],
      freeSlots: 0,
      reports: [],
      isHeld: false,
      ...input,
    };
  }

  /** A call that reports one event and asks for nothing. */
  reporting(
    attemptToken: string,
    event: SyncCall['reports'][number]['event'],
    input: Partial<SyncCall> = {},
  ): SyncCall {
    this.sequence += 1;
    return this.call({ reports: [{ attemptToken, sequence: this.sequence, event }], ...input });
  }

  async sync(call: Partial<SyncCall> = {}, store = this.store): Promise<SyncAnswer> {
    const [result] = await syncWorkers(store, [this.call(call)]);
    if (!result || 'ended' in result) throw new Error(`The session has ended: ${result?.ended}`);
    return result;
  }

  /** Takes the next task and gives the token of the attempt. */
  async claim(store = this.store): Promise<string> {
    const { assignments } = await this.sync({ freeSlots: 1 }, store);
    if (!assignments[0]) throw new Error('There was nothing to claim.');
    return assignments[0].token;
  }
}

/** Another connection, which holds locks open while the test makes others wait for them. */
export class LockHolder {
  private readonly client: Client;

  private constructor(client: Client) {
    this.client = client;
  }

  static async connect({ config }: TestDatabase): Promise<LockHolder> {
    const client = new Client(config);
    await client.connect();
    return new LockHolder(client);
  }

  async holdJob(id: string): Promise<void> {
    await this.client.query('SELECT pg_advisory_lock($1)', [String(jobLockKey(id))]);
  }

  async releaseJob(id: string): Promise<void> {
    await this.client.query('SELECT pg_advisory_unlock($1)', [String(jobLockKey(id))]);
  }

  async holdWorker(id: string): Promise<void> {
    await this.client.query('SELECT pg_advisory_lock($1, $2)', workerLockKey(id));
  }

  async releaseWorker(id: string): Promise<void> {
    await this.client.query('SELECT pg_advisory_unlock($1, $2)', workerLockKey(id));
  }

  /** Resolves when so many connections of the database wait for a lock. */
  async untilWaiting(count: number): Promise<void> {
    await until(async () => {
      const { rows } = await this.client.query<{ count: string }>(
        `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return Number(rows[0]!.count) >= count;
    });
  }

  close(): Promise<void> {
    return this.client.end();
  }
}
