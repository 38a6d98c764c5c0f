import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { follow } from '../../src/client/follow.ts';
import { GatewayRefusal } from '../../src/client/gateway-refusal.ts';
import { setJobStatus } from '../../src/store/set-job-status.ts';
import { type Batch, type Change, STATUS_CHANGES, upTo } from '../support/change-stream.ts';
import { globalId, type LiveGateway, signOnFarmWorker, startLiveGateway } from '../support/live-gateway.ts';
import { submitPlainJob } from '../support/plain-job.ts';

let gateway: LiveGateway;
beforeAll(async () => {
  gateway = await startLiveGateway();
});
afterAll(() => gateway.close());

/** A line to the gateway that the test can cut. The gateway's guards want its own name in every request, and get it. */
class Line {
  private readonly server: Server = createServer((client) => this.join(client));
  private readonly sockets = new Set<Socket>();
  isCut = false;
  connections = 0;

  async open(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Breaks what is open; whoever comes is broken off until it is mended. */
  cut(): void {
    this.isCut = true;
    for (const socket of this.sockets) socket.destroy();
  }

  mend(): void {
    this.isCut = false;
  }

  close(): void {
    this.cut();
    this.server.close();
  }

  private join(client: Socket): void {
    if (this.isCut) return void client.destroy();
    this.connections += 1;
    const { port } = new URL(gateway.url);
    const upstream = connect(Number(port), '127.0.0.1');
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.sockets.delete(from);
        to.destroy();
      });
    }
    client.once('data', (head: Buffer) => {
      upstream.write(head.toString('latin1').replace(/^Host: .*$/m, `Host: 127.0.0.1:${port}`), 'latin1');
      client.pipe(upstream);
    });
    upstream.pipe(client);
  }
}

let line: Line;
let url: string;
let stop: AbortController;
beforeEach(async () => {
  line = new Line();
  url = await line.open();
  stop = new AbortController();
});
afterEach(() => {
  stop.abort();
  line.close();
});

const cancel = (jobId: string) => setJobStatus(gateway.store, jobId, { request: 'cancel' }, { actor: 'test' });
const requeue = (jobId: string) => setJobStatus(gateway.store, jobId, { request: 'requeue' }, { actor: 'test' });

const changesOf = (jobId: string, startAt = 'OLDEST') => ({
  query: STATUS_CHANGES,
  variables: { jobId: globalId('Job', jobId), startAt },
  cursorOf: ({ statusChanges }: { statusChanges: Batch }) => statusChanges.cursor ?? null,
});

describe('the client that resumes', () => {
  it('goes on where it was, however often the line is cut, with no gap and no repeat', async () => {
    const jobId = await submitPlainJob(gateway.store, 30);
    const away: (string | null)[] = [];
    const changes: Change[] = [];
    const stream = follow({ url }, changesOf(jobId), { signal: stop.signal, onAway: (reason) => away.push(reason) });
    for (let round = 0; round < 6; round += 1) {
      const goal = changes.length === 0 ? 2 : changes.length + 32;
      while (changes.length < goal) changes.push(...(await stream.next()).value!.statusChanges.changes);
      line.cut();
      await (round % 2 ? requeue(jobId) : cancel(jobId)); // while nobody listens
      line.mend();
    }
    while (changes.length < 2 + 6 * 32) changes.push(...(await stream.next()).value!.statusChanges.changes);
    expect(changes.map(({ sequence }) => sequence)).toEqual(upTo(2 + 6 * 32));
    expect(line.connections).toBeGreaterThanOrEqual(7);
    expect(away.filter((reason) => reason === null)).toHaveLength(6);
    await stream.return(undefined);
  });

  it('does so for a log', async () => {
    const jobId = await submitPlainJob(gateway.store, 1, { priority: 100 });
    const task = await gateway.store.prisma.task.findFirstOrThrow({ where: { jobId } });
    const worker = await signOnFarmWorker(gateway, 'printer');
    const { attemptToken } = (await worker.claim())!;
    interface Chunk {
      readonly text: string;
      readonly cursor: string;
    }
    const stream = follow<{ taskLog: Chunk }>(
      { url },
      {
        query: `subscription ($id: ID!, $after: Cursor) { taskLog(taskId: $id, after: $after) { ... on TaskLogChunk { text cursor } } }`,
        variables: { id: globalId('Task', task.id) },
        cursorOf: ({ taskLog }) => taskLog.cursor,
      },
      { signal: stop.signal },
    );
    let text = '';
    for (let number = 0; number < 5; number += 1) {
      await worker.appendLog(attemptToken, 5 * number, `row ${number}`);
      while (!text.endsWith(`row ${number}`)) text += (await stream.next()).value!.taskLog.text;
      line.cut();
      line.mend();
    }
    await worker.complete(attemptToken);
    for await (const { taskLog } of stream) text += taskLog.text; // the stream is complete
    expect(text).toBe('row 0row 1row 2row 3row 4');
  });

  it('does so when whoever stands between closes the socket in good order', async () => {
    const asked: unknown[] = [];
    const proxy = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'graphql-transport-ws' });
    proxy.on('connection', (socket) =>
      socket.on('message', (data) => {
        const { type, id, payload } = JSON.parse(String(data));
        if (type === 'connection_init') socket.send(JSON.stringify({ type: 'connection_ack' }));
        if (type !== 'subscribe') return;
        const cursor = `cursor ${asked.push(payload.variables.after)}`;
        socket.send(JSON.stringify({ id, type: 'next', payload: { data: { statusChanges: { cursor } } } }));
        socket.close(1000);
      }),
    );
    await once(proxy, 'listening');
    const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const stream = follow({ url: address }, changesOf('01a20e9c-38d8-77a2-bd2d-c9700d30366a'), { signal: stop.signal });
    for (let number = 1; number <= 3; number += 1)
      expect((await stream.next()).value?.statusChanges.cursor).toBe(`cursor ${number}`);
    await stream.return(undefined);
    proxy.close();
    expect(asked).toEqual([null, 'cursor 1', 'cursor 2']);
  });

  it('needs no cursor for a stream of states', async () => {
    const jobId = await submitPlainJob(gateway.store, 1);
    const stream = follow<{ jobUpdated: { status: string } }>(
      { url },
      {
        query: 'subscription ($id: ID!) { jobUpdated(id: $id) { ... on Job { status } } }',
        variables: { id: globalId('Job', jobId) },
      },
      { signal: stop.signal },
    );
    expect((await stream.next()).value).toEqual({ jobUpdated: { status: 'QUEUED' } });
    line.cut();
    await cancel(jobId);
    line.mend();
    expect((await stream.next()).value).toEqual({ jobUpdated: { status: 'CANCELED' } });
    await stream.return(undefined);
  });

  it('ends when the stream is complete, and with the signal', async () => {
    const jobId = await submitPlainJob(gateway.store, 1);
    const stream = follow({ url }, changesOf(jobId), { signal: stop.signal });
    await stream.next();
    const waiting = stream.next();
    stop.abort();
    expect(await waiting).toEqual({ done: true, value: undefined });

    const unknown = follow({ url }, changesOf('01a20e9c-38d8-77a2-bd2d-c9700d30366a'), {
      signal: new AbortController().signal,
    });
    expect((await unknown.next()).value).toMatchObject({ statusChanges: { __typename: 'NotFoundError' } });
    expect(await unknown.next()).toEqual({ done: true, value: undefined });
  });

  it('gives up when the gateway says no, and when it was never there', async () => {
    const { signal } = stop;
    const wrong = [
      follow({ url }, { query: 'subscription { nothing }' }, { signal }),
      follow({ url, token: 'nobody has this' }, { query: 'subscription { jobsUpdated { order } }' }, { signal }),
      follow({ url }, { query: 'subscription { statusChanges(after: "x") { __typename } }' }, { signal }),
    ];
    for (const stream of wrong) await expect(stream.next()).rejects.toThrow(GatewayRefusal);
    line.cut();
    const never = follow({ url }, { query: 'subscription { jobsUpdated { order } }' }, { signal });
    await expect(never.next()).rejects.not.toThrow(GatewayRefusal);
  });
});
