import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createGraphqlServer } from '../../src/server/graphql-endpoint.ts';
import { createErrorMask } from '../../src/server/masking.ts';
import { trackOperations } from '../../src/server/operations.ts';
import { createWebSocketEndpoint } from '../../src/server/websocket.ts';
import { captureLog, startServer } from '../support/server.ts';
import { Sample } from './sample-schema.ts';

interface Client {
  readonly socket: WebSocket;
  readonly messages: { id?: string; type: string; payload?: unknown }[];
  send(message: object): void;
  readonly closeCode: Promise<number>;
}

async function open(url: string, protocol = 'graphql-transport-ws'): Promise<Client> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, protocol);
  const messages: Client['messages'] = [];
  socket.on('message', (data) => messages.push(JSON.parse(String(data))));
  const closeCode = once(socket, 'close').then(([code]) => Number(code));
  await once(socket, 'open');
  return { socket, messages, send: (message) => socket.send(JSON.stringify(message)), closeCode };
}

async function connect(url: string): Promise<Client> {
  const client = await open(url);
  client.send({ type: 'connection_init' });
  await expect.poll(() => client.messages.length).toBe(1);
  return client;
}

function subscribe(id: string, query: string) {
  return { id, type: 'subscribe', payload: { query } };
}

describe('the protocol', () => {
  it('is graphql-transport-ws and no other', async () => {
    const { url } = await startServer(new Sample());
    const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-ws');
    const [error] = await once(socket, 'error');
    expect(error.message).toMatch(/no subprotocol/);
  });

  it('begins with connection_init', async () => {
    const { url } = await startServer(new Sample());
    const client = await open(url);
    client.send(subscribe('1', '{ hello }'));
    expect(await client.closeCode).toBe(4401);
  });

  it.each([
    ['no JSON', '{', 4400],
    ['no message of it', '{"type":"start"}', 4400],
    ['a message only servers send', '{"type":"connection_ack"}', 4500],
  ])('closes the socket on %s', async (_, text, code) => {
    const { url } = await startServer(new Sample());
    const client = await connect(url);
    client.socket.send(text);
    expect(await client.closeCode).toBe(code);
  });

  it('answers pings of clients', async () => {
    const { url } = await startServer(new Sample());
    const client = await connect(url);
    client.send({ type: 'ping', payload: { n: 1 } });
    await expect.poll(() => client.messages[1]).toEqual({ type: 'pong', payload: { n: 1 } });
  });

  it('takes no message longer than 8 MiB', async () => {
    const { url } = await startServer(new Sample());
    const client = await connect(url);
    client.socket.send('x'.repeat(8 * 2 ** 20 + 1));
    expect(await client.closeCode).toBe(1009);
  });

  it('is spoken at /graphql only', async () => {
    const { url } = await startServer(new Sample());
    const socket = new WebSocket(`${url.replace('http', 'ws')}/health`, 'graphql-transport-ws');
    const [, response] = await once(socket, 'unexpected-response');
    expect(response.statusCode).toBe(404);
    response.resume();
  });
});

it('reports what could not be executed as an error, which ends the operation', async () => {
  const { url } = await startServer(new Sample());
  const client = await connect(url);
  client.send(subscribe('1', '{ goodbye }'));
  client.send(subscribe('2', 'query ($color: Color!) { pick(color: $color) }'));
  client.send(subscribe('3', 'subscription { neverBegins }'));
  await expect.poll(() => client.messages.length).toBe(4);
  expect(
    client.messages
      .slice(1)
      .map(({ id, type }) => `${id} ${type}`)
      .toSorted(),
  ).toEqual(['1 error', '2 error', '3 error']);
});

it('runs several operations on one socket, each by its id', async () => {
  const sample = new Sample();
  const { url } = await startServer(sample);
  const client = await connect(url);
  client.send(subscribe('a', 'subscription { ticks }'));
  client.send(subscribe('b', '{ hello }'));
  await expect.poll(() => client.messages.some(({ id, type }) => id === 'b' && type === 'complete')).toBe(true);
  await expect.poll(() => sample.open).toBe(1);
  client.send({ id: 'a', type: 'complete' });
  await expect.poll(() => sample.open).toBe(0);
  expect(client.messages.some(({ id }) => id === 'a')).toBe(false);
});

it('stops the sources of a socket that breaks', async () => {
  const sample = new Sample();
  const { url } = await startServer(sample);
  const client = await connect(url);
  client.send(subscribe('a', 'subscription { ticks }'));
  client.send(subscribe('b', 'subscription { ticks }'));
  await expect.poll(() => sample.open).toBe(2);
  client.socket.terminate();
  await expect.poll(() => sample.open).toBe(0);
});

it('refuses one operation more than a thousand on a socket, and goes on', async () => {
  const { url } = await startServer(new Sample());
  const client = await connect(url);
  for (let id = 0; id <= 1_000; id += 1) client.send(subscribe(String(id), 'subscription { ticks }'));
  await expect.poll(() => client.messages.length).toBe(2);
  expect(client.messages[1]).toMatchObject({
    id: '1000',
    type: 'error',
    payload: [{ extensions: { code: 'RATE_LIMITED' } }],
  });
  client.send({ id: '5', type: 'complete' });
  client.send(subscribe('again', '{ hello }'));
  await expect.poll(() => client.messages.at(-1)).toEqual({ id: 'again', type: 'complete' });
});

it('takes no more queries from a client that does not read the answers', async () => {
  const sample = new Sample();
  const { url } = await startServer(sample);
  const client = await connect(url);
  client.socket.pause();
  const name = 'x'.repeat(256 * 1024);
  const QUERIES = 200; // 50 MiB of answers
  for (let id = 0; id < QUERIES; id += 1) client.send(subscribe(String(id), `{ hello(name: "${name}") }`));
  await expect.poll(() => sample.greetings, { interval: 300 }).toSatisfy(isUnchanged());
  console.info(`WebSocket: ${sample.greetings} of ${QUERIES} queries were answered while nobody read`);
  expect(sample.greetings).toBeLessThan(QUERIES / 2);
  client.socket.resume();
  await expect.poll(() => sample.greetings, { timeout: 20_000 }).toBe(QUERIES);
});

function isUnchanged(): (value: number) => boolean {
  let before = -1;
  return (value) => {
    const isSame = value === before && value > 0;
    before = value;
    return isSame;
  };
}

it('pings its clients and cuts off one that does not answer', async () => {
  const { schema, createContext } = new Sample();
  const { logger } = captureLog();
  const mask = createErrorMask({ logger, isDatabaseUnavailable: () => false });
  const graphql = createGraphqlServer({ schema, createContext, mask });
  const endpoint = createWebSocketEndpoint({
    graphql,
    mask,
    operations: trackOperations(),
    logger,
    pingIntervalMs: 20,
  });
  const server = createServer().on('upgrade', endpoint.accept).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const dead = new WebSocket(url, 'graphql-transport-ws', { autoPong: false });
  const alive = new WebSocket(url, 'graphql-transport-ws');
  let pings = 0;
  alive.on('ping', () => {
    pings += 1;
  });
  const [code] = await once(dead, 'close');
  expect(code).toBe(1006);
  await expect.poll(() => pings).toBeGreaterThan(10);
  expect(alive.readyState).toBe(WebSocket.OPEN);
  await endpoint.close();
  endpoint.terminate();
  await new Promise((resolve) => server.close(resolve));
});
