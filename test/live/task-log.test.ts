import { randomInt, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { logRoute } from '../../src/server/log-route.ts';
import { createRouter } from '../../src/server/routes.ts';
import { deleteJob } from '../../src/store/delete-job.ts';
import { setJobStatus } from '../../src/store/set-job-status.ts';
import type { FarmWorker } from '../support/farm-worker.ts';
import { globalId, type LiveGateway, signOnFarmWorker, startLiveGateway, watch } from '../support/live-gateway.ts';
import { submitPlainJob } from '../support/plain-job.ts';
import { TRANSPORTS } from '../support/server.ts';

const LIMIT_BYTES = 300_000;

let gateway: LiveGateway;
beforeAll(async () => {
  gateway = await startLiveGateway({ logLimitBytes: LIMIT_BYTES });
});
afterAll(() => gateway.close());

interface Chunk {
  readonly __typename: string;
  readonly attemptNumber: number;
  readonly text: string;
  readonly cursor: string;
  readonly caughtUp: boolean;
  readonly ended: boolean;
  readonly oldestCursor?: string;
  readonly id?: string;
}
const RESULT = `__typename ... on TaskLogChunk { attemptNumber text cursor caughtUp ended }
  ... on Error { code message } ... on CursorExpiredError { oldestCursor } ... on NotFoundError { id }`;
const TASK_LOG = `subscription ($taskId: ID!, $attemptNumber: Int, $after: Cursor) {
  taskLog(taskId: $taskId, attemptNumber: $attemptNumber, after: $after) { ${RESULT} } }`;
const TASK_LOG_ONCE = `query ($taskId: ID!, $attemptNumber: Int, $after: Cursor, $maxBytes: Int! = 65536) {
  taskLog(taskId: $taskId, attemptNumber: $attemptNumber, after: $after, maxBytes: $maxBytes) { ${RESULT} } }`;

const once = (variables: Record<string, unknown>) => gateway.ask<Chunk>(TASK_LOG_ONCE, variables);
let urgency = 50;

/** A task of its own; the next worker that asks is given it. */
async function submitTask(): Promise<{ jobId: string; taskId: string }> {
  urgency += 1;
  const jobId = await submitPlainJob(gateway.store, 1, { priority: urgency });
  const task = await gateway.store.prisma.task.findFirstOrThrow({ where: { jobId } });
  return { jobId, taskId: globalId('Task', task.id) };
}

/** An attempt that prints what the test says. */
class Printer {
  readonly worker: FarmWorker;
  readonly token: string;
  readonly attemptId: string;
  private offset = 0;

  private constructor(worker: FarmWorker, token: string, attemptId: string) {
    this.worker = worker;
    this.token = token;
    this.attemptId = attemptId;
  }

  static async begin(name: string): Promise<Printer> {
    const worker = await signOnFarmWorker(gateway, name);
    return await Printer.beginWith(worker);
  }

  static async beginWith(worker: FarmWorker): Promise<Printer> {
    const assignment = await worker.claim();
    if (!assignment) throw new Error('There was nothing to claim.');
    return new Printer(worker, assignment.attemptToken, assignment.attempt.id);
  }

  async print(text: string): Promise<{ truncated?: boolean }> {
    const answer = await this.worker.appendLog(this.token, this.offset, text);
    this.offset += Buffer.byteLength(text);
    return answer as { truncated?: boolean };
  }

  async complete(): Promise<void> {
    await this.worker.complete(this.token);
    await this.worker.signOff();
  }
}

describe.each(TRANSPORTS)('taskLog over $name', (transport) => {
  const open = (variables: Record<string, unknown>) => watch<Chunk>(transport, gateway, TASK_LOG, variables);

  it('gives the log from the first byte, then what is printed, and ends with the attempt', async () => {
    const { taskId } = await submitTask();
    const printer = await Printer.begin(`live ${transport.name}`);
    await printer.print('first line\n');
    const stream = open({ taskId });
    expect(await stream.next()).toMatchObject({ attemptNumber: 1, text: 'first line\n', caughtUp: true, ended: false });
    await printer.print('second line\n');
    expect(await stream.next()).toMatchObject({ text: 'second line\n', caughtUp: true, ended: false });
    await printer.complete();
    expect(await stream.next()).toMatchObject({ text: '', caughtUp: true, ended: true });
    await stream.end();

    const after = open({ taskId });
    expect(await after.next()).toMatchObject({ text: 'first line\nsecond line\n', caughtUp: true, ended: true });
    await after.end();
  });

  it('is complete and in order for a reader that comes and goes while it is printed', async () => {
    const { taskId } = await submitTask();
    const printer = await Printer.begin(`restless ${transport.name}`);
    // Characters of one to four bytes, and line ends of both kinds.
    const lines = Array.from(
      { length: 400 },
      (_, index) => `${index} ${'aß€😀'.repeat(randomInt(1, 30))}${index % 5 ? '\n' : '\r\n'}`,
    );
    const printing = (async () => {
      for (let at = 0; at < lines.length; at += 2) await printer.print(lines.slice(at, at + 2).join(''));
      await printer.complete();
    })();
    let text = '';
    let after: string | null = null;
    let connections = 0;
    for (let hasEnded = false; !hasEnded; ) {
      const stream = open({ taskId, after });
      connections += 1;
      for (let left = randomInt(1, 3); left > 0 && !hasEnded; left -= 1) {
        const chunk = await stream.next();
        text += chunk.text;
        after = chunk.cursor;
        hasEnded = chunk.ended;
      }
      await stream.close();
    }
    await printing;
    expect(text).toBe(lines.join('').replaceAll('\r\n', '\n'));
    expect(connections).toBeGreaterThan(1);
  });

  it('waits for the first attempt of a task that was not given out yet', async () => {
    const { taskId } = await submitTask();
    const stream = open({ taskId });
    const first = stream.next();
    const printer = await Printer.begin(`waited for ${transport.name}`);
    await printer.print('at last\n');
    let text = (await first).text;
    while (text !== 'at last\n') text += (await stream.next()).text;
    await printer.complete();
    await stream.close();
  });

  it('follows the newest attempt at the start, or the one that is asked for', async () => {
    const { taskId } = await submitTask();
    const one = await Printer.begin(`retry ${transport.name}`);
    await one.print('one\n');
    await one.worker.report(one.token, { stopped: { handedBack: true } });
    const two = await Printer.begin(`second ${transport.name}`);
    await two.print('two\n');
    const streams = { newest: open({ taskId }), first: open({ taskId, attemptNumber: 1 }) };
    expect(await streams.newest.next()).toMatchObject({ attemptNumber: 2, text: 'two\n', ended: false });
    const first = await streams.first.next();
    expect(first).toMatchObject({ attemptNumber: 1, text: 'one\n', ended: true });
    await streams.first.end();
    // A cursor goes on with its own attempt.
    expect(await once({ taskId, after: first.cursor })).toMatchObject({ attemptNumber: 1, text: '', ended: true });
    await two.complete();
    await streams.newest.close();
  });

  it('shows control characters harmlessly', async () => {
    const { taskId } = await submitTask();
    const printer = await Printer.begin(`harmless ${transport.name}`);
    await printer.print('\u001b[31mred\u001b[0m\tbell\u0007 50%\r100%\r\nC1 \u009b31m DEL\u007f\n');
    await printer.complete();
    const stream = open({ taskId });
    expect((await stream.next()).text).toBe('␛[31mred␛[0m\tbell␇ 50%␍100%\nC1 �31m DEL␡\n');
    await stream.end();
  });

  it('ends with NotFoundError when the task is gone, or never was', async () => {
    const { jobId, taskId } = await submitTask();
    const printer = await Printer.begin(`gone ${transport.name}`);
    await setJobStatus(gateway.store, jobId, { request: 'cancel' }, { actor: 'test' });
    await printer.worker.stopped(printer.token);
    const waiting = await submitTask();
    const stream = open({ taskId: waiting.taskId });
    const first = stream.next();
    await deleteJob(gateway.store, waiting.jobId, { actor: 'test' });
    expect(await first).toMatchObject({ __typename: 'NotFoundError', id: waiting.taskId });
    await stream.end();

    await deleteJob(gateway.store, jobId, { actor: 'test' });
    for (const id of [taskId, globalId('Task', randomUUID()), 'x']) {
      const never = open({ taskId: id });
      expect(await never.next()).toMatchObject({ __typename: 'NotFoundError', id });
      await never.end();
      expect(await once({ taskId: id })).toMatchObject({ __typename: 'NotFoundError', id });
    }
    await printer.worker.signOff();
  });

  it('refuses a cursor of anything else, and says where to start over', async () => {
    const { taskId } = await submitTask();
    const printer = await Printer.begin(`cursors ${transport.name}`);
    await printer.print('text\n');
    await printer.complete();
    const feedCursor = (await gateway.ask<{ feedCursor: string }>('{ jobs(first: 1) { feedCursor } }')).feedCursor;
    const { cursor } = await once({ taskId });
    const other = await submitTask();
    const otherPrinter = await Printer.begin(`other ${transport.name}`);
    await otherPrinter.complete();
    for (const [after, task] of [
      [feedCursor, taskId],
      [cursor, other.taskId],
    ]) {
      const stream = open({ taskId: task, after });
      const error = await stream.next();
      expect(error.__typename).toBe('CursorExpiredError');
      await stream.end();
      expect(await once({ taskId: task, after: error.oldestCursor })).toMatchObject({ __typename: 'TaskLogChunk' });
    }
    await expect(open({ taskId, after: 'nonsense' }).next()).rejects.toThrow('BAD_REQUEST');
  });
});

describe('taskLog as a query', () => {
  it('gives the log in pieces of whole characters, at most as long as asked for', async () => {
    const { taskId } = await submitTask();
    const printer = await Printer.begin('pieces');
    const text = 'aß€😀\r\n'.repeat(100);
    await printer.print(text);
    await printer.complete();
    let read = '';
    let after: string | null = null;
    for (let hasEnded = false; !hasEnded; ) {
      const chunk: Chunk = await once({ taskId, after, maxBytes: 7 });
      expect(Buffer.byteLength(chunk.text)).toBeLessThanOrEqual(7);
      read += chunk.text;
      after = chunk.cursor;
      hasEnded = chunk.ended;
    }
    expect(read).toBe(text.replaceAll('\r\n', '\n'));
    for (const maxBytes of [0, 1_048_577])
      await expect(once({ taskId, maxBytes })).rejects.toThrow('BAD_REQUEST: maxBytes');
  });

  it('has no log for a task without an attempt', async () => {
    const { taskId, jobId } = await submitTask();
    expect(await once({ taskId })).toMatchObject({ __typename: 'NotFoundError', id: taskId });
    expect(await once({ taskId, attemptNumber: 7 })).toMatchObject({ __typename: 'NotFoundError', id: taskId });
    await setJobStatus(gateway.store, jobId, { request: 'cancel' }, { actor: 'test' });
  });

  it('ends a log that is too long with a clear mark', async () => {
    const { taskId } = await submitTask();
    const printer = await Printer.begin('chatty');
    const line = 'I talk and talk and talk.\n';
    let isFull = false;
    for (let number = 0; number < 12; number += 1)
      isFull = (await printer.print(line.repeat(1_500))).truncated === true;
    expect(isFull).toBe(true);
    await printer.complete();
    let text = '';
    let after: string | null = null;
    for (let hasEnded = false; !hasEnded; ) {
      const chunk: Chunk = await once({ taskId, after });
      text += chunk.text;
      after = chunk.cursor;
      hasEnded = chunk.ended;
    }
    const mark = `\n[log cut here: more than ${LIMIT_BYTES} bytes]\n`;
    expect(text.endsWith(mark)).toBe(true);
    expect(text.length).toBe(LIMIT_BYTES + mark.length);
  });
});

describe('/logs/ATTEMPT', () => {
  const CONTENT = '\u001b[31mα\u0000 raw\r\n'.replace('\u0000', '\u001a').repeat(50_000 / 5);
  let attemptId: string;
  beforeAll(async () => {
    const { taskId } = await submitTask();
    const printer = await Printer.begin('served');
    for (let at = 0; at < CONTENT.length; at += 10_000) await printer.print(CONTENT.slice(at, at + 10_000));
    await printer.complete();
    attemptId = printer.attemptId;
    expect(taskId).toBeTruthy();
  });

  async function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> {
    const route = logRoute({ store: gateway.store, authenticate: async () => {} });
    const request = new Request(`${gateway.url}${path}`, { headers, method });
    const caller = { authorization: null, remoteAddress: null, signal: new AbortController().signal };
    return await createRouter([route])(method, path)(request, caller);
  }
  const path = () => `/logs/${encodeURIComponent(attemptId)}`;
  const bytes = Buffer.from(CONTENT);

  it('is where Attempt.logUrl points', async () => {
    const { logUrl } = await gateway.ask<{ logUrl: string }>(
      `query ($id: ID!) { node(id: $id) { ... on Attempt { logUrl } } }`,
      { id: attemptId },
    );
    expect(logUrl).toBe(path());
  });

  it('gives the bytes as they were printed, as plain text', async () => {
    const response = await get(path());
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(response.headers.get('accept-ranges')).toBe('bytes');
    expect(Number(response.headers.get('content-length'))).toBe(bytes.length);
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
  });

  it.each([
    ['bytes=0-0', 0, 0],
    ['bytes=100-199', 100, 199],
    ['bytes=130000-', 130_000, -1],
    ['bytes=-10', -10, -1],
    ['bytes=5-9999999', 5, -1],
    ['bytes=-9999999', 0, -1],
  ])('gives the range %s', async (range, first, last) => {
    const start = first < 0 ? bytes.length + first : first;
    const end = last < 0 ? bytes.length + last : last;
    const response = await get(path(), { range });
    expect(response.status).toBe(206);
    expect(response.headers.get('content-range')).toBe(`bytes ${start}-${end}/${bytes.length}`);
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes.subarray(start, end + 1))).toBe(true);
  });

  it.each(['bytes=9999999-', 'bytes=-0'])('refuses %s, which is not in it', async (range) => {
    const response = await get(path(), { range });
    expect([response.status, response.headers.get('content-range')]).toEqual([416, `bytes */${bytes.length}`]);
  });

  it.each(['bytes=0-1,5-6', 'lines=1-2', 'bytes=9-3', 'nonsense'])('gives everything for %s', async (range) => {
    expect((await get(path(), { range })).status).toBe(200);
  });

  it('answers HEAD without the log, and an attempt that never was with 404', async () => {
    const head = await get(path(), {}, 'HEAD');
    expect([head.status, head.body, head.headers.get('content-length')]).toEqual([200, null, String(bytes.length)]);
    for (const id of [globalId('Attempt', randomUUID()), globalId('Task', randomUUID()), 'x'])
      expect((await get(`/logs/${encodeURIComponent(id)}`)).status).toBe(404);
  });
});
