import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { startServer } from '../support/server.ts';
import { Sample } from './sample-schema.ts';

const MESSAGE_BYTES = 64 * 1024;
/** The kernel's buffers of both ends (4 and 6 MiB at most on Linux), and Node's. */
const MOST_UNREAD_BYTES = 16 * 1024 * 1024;
/** So long that a test which waits for it fails by its own time limit. */
const LONG_GRACE_MS = 60_000;
const QUERY = `subscription { flood(bytes: ${MESSAGE_BYTES}) }`;

/** A client that stops reading at the socket, and starts again. */
interface Reader {
  pause(): void;
  resume(): void;
  /** The numbers of the messages that it has read. */
  readonly seen: number[];
  close(): void;
}

async function readByWebSocket(url: string): Promise<Reader> {
  const seen: number[] = [];
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'connection_init' }));
  await once(socket, 'message');
  socket.on('message', (data) => seen.push(numberOf(String(data))));
  socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: QUERY } }));
  return { pause: () => socket.pause(), resume: () => socket.resume(), seen, close: () => socket.terminate() };
}

async function readByEvents(url: string): Promise<Reader> {
  const seen: number[] = [];
  const headers = { 'Content-Type': 'application/json', Accept: 'text/event-stream' };
  const outgoing: ClientRequest = request(`${url}/graphql`, { method: 'POST', headers });
  outgoing.end(JSON.stringify({ query: QUERY }));
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  let text = '';
  incoming.on('data', (chunk) => {
    const lines = (text + chunk).split('\n');
    text = lines.pop() ?? '';
    seen.push(...lines.filter((line) => line.startsWith('data: ')).map(numberOf));
  });
  return { pause: () => incoming.pause(), resume: () => incoming.resume(), seen, close: () => outgoing.destroy() };
}

function numberOf(text: string): number {
  return Number(/"flood":"(\d+)/.exec(text)?.[1]);
}

/** Waits until the source has not been asked for a while, and says how often it was. */
async function countUntilStill(sample: Sample): Promise<number> {
  for (let before = -1; before !== sample.made; await delay(500)) before = sample.made;
  return sample.made;
}

describe.each([
  { name: 'WebSocket', read: readByWebSocket },
  { name: 'server-sent events', read: readByEvents },
])('a reader that stops reading over $name', ({ name, read }) => {
  it('stops the source, and misses nothing when it reads on', async () => {
    const sample = new Sample();
    const { url } = await startServer(sample);
    const reader = await read(url);
    await expect.poll(() => reader.seen.length).toBeGreaterThan(10);

    reader.pause();
    const seenBefore = reader.seen.length;
    const made = await countUntilStill(sample);
    const unread = (made - seenBefore) * MESSAGE_BYTES;
    console.info(`${name}: the source stopped ${(unread / 2 ** 20).toFixed(1)} MiB ahead of the reader`);
    expect(unread).toBeLessThan(MOST_UNREAD_BYTES);

    reader.resume();
    await expect.poll(() => reader.seen.length).toBeGreaterThan(made + 100);
    expect(reader.seen).toEqual(reader.seen.map((_, index) => index + 1));

    reader.close();
    await expect.poll(() => sample.open).toBe(0);
  });

  it('does not keep others from reading, nor the gateway from shutting down', async () => {
    const sample = new Sample();
    const { url, app } = await startServer(sample);
    const reader = await read(url);
    reader.pause();
    await countUntilStill(sample);

    const other = await read(url);
    await expect.poll(() => other.seen.length).toBeGreaterThan(100);
    other.close();
    await app.close(LONG_GRACE_MS);
    expect(sample.open).toBe(0);
    reader.close();
  });
});
