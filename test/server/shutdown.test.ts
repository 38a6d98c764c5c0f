import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createTestApp, StreamCut, startServer, TRANSPORTS } from '../support/server.ts';
import { Sample } from './sample-schema.ts';

/** So long that a test which waits for it fails by its own time limit. */
const LONG_GRACE_MS = 60_000;

async function start() {
  const sample = new Sample();
  return { sample, ...(await startServer(sample)) };
}

describe.each(TRANSPORTS)('a shutdown with clients over $name', (transport) => {
  it('ends their subscriptions at once, unsaid, so that they come back', async () => {
    const { sample, url, app } = await start();
    const stream = transport.subscribe(url, { query: 'subscription { ticks }' });
    const first = stream.next();
    await expect.poll(() => sample.open).toBe(1);
    sample.events.emit('tick', 1);
    await first;

    const next = stream.next();
    await Promise.all([app.close(LONG_GRACE_MS), expect(next).rejects.toThrow(StreamCut)]);
    expect(sample.open).toBe(0);
  });

  it('lets a mutation answer first', async () => {
    const { sample, url, app } = await start();
    const answer = transport.execute(url, { query: 'mutation { slow }' });
    await expect.poll(() => sample.slowStarted).toBe(1);

    const closed = app.close(LONG_GRACE_MS);
    await expect(fetch(`${url}/health`)).rejects.toThrow(); // nothing new is taken
    sample.gate.resolve('done');
    expect(await answer).toEqual({ data: { slow: 'done' } });
    await closed;
  });

  it('waits for a mutation no longer than the grace time', async () => {
    const { sample, url, app } = await start();
    const answer = transport.execute(url, { query: 'mutation { slow }' });
    await expect.poll(() => sample.slowStarted).toBe(1);
    await Promise.all([app.close(50), expect(answer).rejects.toThrow()]);
    sample.gate.resolve('too late');
  });

  it('tells what holds an operation open to end it', async () => {
    const { sample, url, app } = await start();
    const answer = transport.execute(url, { query: 'mutation { held }' });
    await expect.poll(() => sample.slowStarted).toBe(1);
    await app.close(LONG_GRACE_MS);
    expect(await answer).toEqual({ data: { held: 'shutting down' } });
  });
});

it('says that it is not ready, and to every caller the same', async () => {
  const { app, url } = await start();
  const closed = app.close(LONG_GRACE_MS);
  expect(app.close(0)).toBe(closed);
  await closed;
  const response = await app.fetch(`${url}/ready`);
  expect([response.status, await response.json()]).toEqual([
    503,
    { status: 'not ready', reasons: ['The gateway shuts down.'] },
  ]);
});

it('completes a mutation before it closes the WebSocket with 1001, and no subscription', async () => {
  const { sample, url, app } = await start();
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  const messages: string[] = [];
  await once(socket, 'open');
  socket.on('message', (data) => messages.push(String(data)));
  socket.send('{"type":"connection_init"}');
  await expect.poll(() => messages.length).toBe(1);
  socket.send('{"id":"s","type":"subscribe","payload":{"query":"subscription { ticks }"}}');
  socket.send('{"id":"m","type":"subscribe","payload":{"query":"mutation { slow }"}}');
  await expect.poll(() => sample.open + sample.slowStarted).toBe(2);

  const closed = app.close(LONG_GRACE_MS);
  sample.gate.resolve('done');
  const [code] = await once(socket, 'close');
  await closed;
  expect(code).toBe(1001);
  expect(messages.slice(1)).toEqual([
    '{"id":"m","type":"next","payload":{"data":{"slow":"done"}}}',
    '{"id":"m","type":"complete"}',
  ]);
});

it('closes connections on which nothing was said', async () => {
  const { url, port, app } = await start();
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  const plain = connect(port, '127.0.0.1');
  await Promise.all([once(socket, 'open'), once(plain, 'connect')]);
  const ends = Promise.all([once(socket, 'close'), once(plain, 'close')]);
  plain.resume();
  await app.close(LONG_GRACE_MS);
  expect((await ends)[0][0]).toBe(1001);
});

it('closes what was never opened', async () => {
  await createTestApp(new Sample()).app.close(LONG_GRACE_MS);
});
