import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { deleteJob } from '../../src/store/delete-job.ts';
import { setJobStatus } from '../../src/store/set-job-status.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import {
  globalId,
  type LiveGateway,
  type LiveOptions,
  signOnFarmWorker,
  startGatewayBeside,
  startLiveGateway,
} from '../support/live-gateway.ts';
import { submitPlainJob } from '../support/plain-job.ts';
import { readBlock } from '../support/readme.ts';
import { captureLog } from '../support/server.ts';
import { createTestStore } from '../support/test-store.ts';
import { refuse, WebhookReceiver } from '../support/webhook-receiver.ts';

const KEY = Buffer.from('a key that is long enough, and no secret');
const PATIENCE = { timeout: 25_000, interval: 20 };
/** Of tests that are not about pauses. */
const SHORT = [30, 30, 30];

const left: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of left.splice(0).reverse()) await close();
});

async function startReceiver(): Promise<WebhookReceiver> {
  const receiver = await WebhookReceiver.start();
  left.push(() => receiver.close());
  return receiver;
}

async function startTelling(receivers: readonly WebhookReceiver[], options: LiveOptions = {}, pausesMs = SHORT) {
  const webhooks = { urls: receivers.map(({ url }) => url), key: KEY, pausesMs };
  const gateway = await startLiveGateway({ webhooks, ...options });
  left.push(() => gateway.close());
  return gateway;
}

/** A job that has ended; its global id. */
async function cancelOne({ store }: Pick<LiveGateway, 'store'>, name = 'told'): Promise<string> {
  const id = await submitPlainJob(store, 2, { name });
  await setJobStatus(store, id, { request: 'cancel' }, { actor: 'ann', comment: 'too dark' });
  return globalId('Job', id);
}

const countNotices = async ({ store }: Pick<LiveGateway, 'store'>) => await store.prisma.notice.count();

describe('a receiver', () => {
  it('is told once of each end of a job, with what one wants to know', async () => {
    const receiver = await startReceiver();
    const gateway = await startTelling([receiver]);
    const worker = await signOnFarmWorker(gateway, 'machine');

    const completed = await submitPlainJob(gateway.store, 1, { name: 'shot', metadata: { shot: '010' } });
    await worker.complete((await worker.claim())!.attemptToken);
    await expect.poll(() => receiver.jobs, PATIENCE).toEqual([globalId('Job', completed)]);
    const [first] = receiver.received;
    expect(first!.message).toEqual({
      type: 'job.completed',
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      data: {
        job: {
          id: globalId('Job', completed),
          name: 'shot',
          type: 'plain',
          status: 'COMPLETED',
          submitter: 'test',
          error: null,
          frames: { total: 0, done: 0 },
          tasks: { total: 1, completed: 1, failed: 0, canceled: 0 },
          metadata: { shot: '010' },
          createdAt: expect.any(String),
          startedAt: expect.any(String),
          finishedAt: first!.message.timestamp,
        },
        actor: expect.any(String),
        comment: null,
      },
    });

    await setJobStatus(gateway.store, completed, { request: 'requeue' }, { actor: 'ann' });
    await worker.complete((await worker.claim())!.attemptToken);
    const failed = await submitPlainJob(gateway.store, 1, { maxAttempts: 1 });
    await worker.fail((await worker.claim())!.attemptToken, 'The floor gave way.');
    const canceled = await cancelOne(gateway);
    await expect.poll(() => receiver.received.length, PATIENCE).toBe(4);
    const told = receiver.received.map(({ message }) => [message.type, message.data.job.id]);
    expect(told.sort()).toEqual(
      [
        ['job.completed', globalId('Job', completed)],
        ['job.completed', globalId('Job', completed)],
        ['job.failed', globalId('Job', failed)],
        ['job.canceled', canceled],
      ].sort(),
    );
    const failure = receiver.received.find(({ message }) => message.type === 'job.failed')!.message.data.job;
    expect(failure.error).toMatch(/The floor gave way\./);
    await expect.poll(() => countNotices(gateway), PATIENCE).toBe(0);
    await worker.signOff();
  });

  it('can tell by the signature that it is from this farm, and when it was sent', async () => {
    const receiver = await startReceiver();
    const gateway = await startTelling([receiver]);
    await cancelOne(gateway);
    await expect.poll(() => receiver.received.length, PATIENCE).toBe(1);
    const { headers, body } = receiver.received[0]!;
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
    const signature = `v1,${createHmac('sha256', KEY).update(signed).digest('base64')}`;
    expect(headers['webhook-signature']).toBe(signature);
    expect(Math.abs(Number(headers['webhook-timestamp']) - Date.now() / 1000)).toBeLessThan(60);
    expect(headers['content-type']).toBe('application/json');
    expect(headers['user-agent']).toMatch(/^Tablao\/\d/);

    // As the README shows it.
    const script = `${readBlock('Job notices', 'python')}\nimport json, sys\nprint([is_genuine(*case) for case in json.load(sys.stdin)])`;
    const python = spawn('python3', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    const secret = KEY.toString('base64');
    const cases = [
      [headers, body, secret],
      [headers, body, `whsec_${secret}`],
      [headers, body.replace('told', 'tilt'), secret],
      [headers, body, Buffer.from('another key that is just as long').toString('base64')],
      [{ ...headers, 'webhook-timestamp': String(Number(headers['webhook-timestamp']) - 600) }, body, secret],
    ];
    python.stdin.end(JSON.stringify(cases));
    expect((await text(python.stdout)).trim()).toBe('[True, True, False, False, False]');
  });

  it('is not told of what was before it was named', async () => {
    const receiver = await startReceiver();
    const database = await createTestDatabase();
    left.push(() => database.drop());
    await cancelOne({ store: createTestStore(database) });
    const webhooks = { urls: [receiver.url], key: KEY, pausesMs: SHORT };
    const gateway = await startGatewayBeside(database, { webhooks });
    left.push(() => gateway.close());
    const id = await cancelOne(gateway);
    await expect.poll(() => receiver.jobs, PATIENCE).toEqual([id]);
  });

  it('is told of a job that is gone already what its events say', async () => {
    const receiver = await startReceiver();
    const database = await createTestDatabase();
    left.push(() => database.drop());
    const webhooks = { urls: [receiver.url], key: KEY, pausesMs: SHORT };
    await (await startGatewayBeside(database, { webhooks })).close();
    const store = createTestStore(database);
    const id = await submitPlainJob(store, 1);
    await setJobStatus(store, id, { request: 'cancel' }, { actor: 'ann' });
    await deleteJob(store, id, { actor: 'ann' });
    const back = await startGatewayBeside(database, { webhooks });
    left.push(() => back.close());
    await expect.poll(() => receiver.jobs, PATIENCE).toEqual([globalId('Job', id)]);
    expect(receiver.received[0]!.message.data.job).toMatchObject({ name: null, type: 'plain', status: 'CANCELED' });
  });
});

describe('a receiver that does not take it', () => {
  it('is told the same again, and no more once it has taken it', async () => {
    const receiver = await startReceiver();
    const answers = [500, 302, 404];
    receiver.answer = (response) => response.writeHead(answers.shift() ?? 200, { location: receiver.url }).end('x');
    const gateway = await startTelling([receiver]);
    const id = await cancelOne(gateway);
    await expect.poll(() => receiver.received.length, PATIENCE).toBe(4);
    await expect.poll(() => countNotices(gateway), PATIENCE).toBe(0);
    expect(receiver.jobs).toEqual([id, id, id, id]);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
    const other = await cancelOne(gateway);
    await expect.poll(() => receiver.jobs, PATIENCE).toEqual([id, id, id, id, other]);
  });

  it('is given up after the last try, with a line in the log that does not give its address away', async () => {
    const receiver = await startReceiver();
    receiver.answer = refuse;
    const { logger, lines } = captureLog();
    const gateway = await startTelling([receiver], { logger });
    await cancelOne(gateway);
    await expect.poll(() => lines.filter(({ msg }) => msg === 'A job notice is given up'), PATIENCE).toHaveLength(1);
    expect(receiver.received).toHaveLength(SHORT.length + 1);
    expect(await countNotices(gateway)).toBe(0);
    expect(lines.find(({ msg }) => msg === 'A job notice is given up')).toMatchObject({
      level: 50,
      tries: SHORT.length + 1,
      reason: 'HTTP 500',
      receiver: new URL(receiver.url).host,
      notice: receiver.received[0]!.headers['webhook-id'],
    });
    expect(JSON.stringify(lines)).not.toContain('token=secret');
  });

  it('keeps nobody waiting: neither the farm nor another receiver', async () => {
    const [silent, prompt] = [await startReceiver(), await startReceiver()];
    silent.answer = () => {};
    const gateway = await startTelling([silent, prompt]);
    const ids: string[] = [];
    for (let count = 0; count < 10; count += 1) ids.push(await cancelOne(gateway));
    await expect.poll(() => [...prompt.jobs].sort(), PATIENCE).toEqual([...ids].sort());
    // Some at once, and none of them twice while it is waited for.
    expect(silent.received.length).toBeGreaterThan(0);
    expect(new Set(silent.jobs).size).toBe(silent.received.length);
  });
});

describe('several gateways', () => {
  it('tell of each end once', async () => {
    const receiver = await startReceiver();
    const webhooks = { urls: [receiver.url], key: KEY };
    const one = await startTelling([receiver], { webhooks });
    for (let count = 0; count < 2; count += 1) {
      const beside = await startGatewayBeside(one, { webhooks });
      left.push(() => beside.close());
    }
    const ids = await Promise.all(Array.from({ length: 40 }, () => cancelOne(one)));
    await expect.poll(() => receiver.received.length, PATIENCE).toBeGreaterThanOrEqual(ids.length);
    await expect.poll(() => countNotices(one), PATIENCE).toBe(0);
    expect([...receiver.jobs].sort()).toEqual([...ids].sort());
  });
});

describe('a gateway that is killed', () => {
  let database: TestDatabase;

  async function startProcess(receiver: WebhookReceiver): Promise<ChildProcess> {
    const webhooks = { urls: [receiver.url], key: KEY.toString('base64'), pausesMs: Array(600).fill(100) };
    const program = join(import.meta.dirname, '../support/gateway-process.ts');
    const child = spawn(process.execPath, [program, JSON.stringify(database.config), JSON.stringify(webhooks)], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    await once(child.stdout!, 'data');
    return child;
  }

  it('tells after its next start what it had not told, also what it had not seen, each once', {
    timeout: 120_000,
  }, async () => {
    const receiver = await startReceiver();
    database = await createTestDatabase();
    left.push(() => database.drop());
    const store = createTestStore(database);
    receiver.answer = refuse;
    const first = await startProcess(receiver);
    const refused = await cancelOne({ store }, 'refused');
    await expect.poll(() => receiver.jobs, PATIENCE).toContain(refused);
    first.kill('SIGKILL');
    await once(first, 'exit');
    const unseen = await cancelOne({ store }, 'unseen');

    receiver.answer = (response) => response.writeHead(204).end();
    receiver.received.length = 0;
    const second = await startProcess(receiver);
    await expect.poll(() => [...receiver.jobs].sort(), PATIENCE).toEqual([refused, unseen].sort());
    await expect.poll(() => countNotices({ store }), PATIENCE).toBe(0);
    second.stdin!.end();
    await once(second, 'exit');
    expect(receiver.received).toHaveLength(2);
  });
});
