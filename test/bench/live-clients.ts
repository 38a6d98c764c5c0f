/*
 * The subscribers of `npm run bench -- live`, as a process of their own: they share no processor time with the gateway
 * beyond what the machine forces on them. Told by messages of the parent what to open; tells it what has arrived.
 */
import { once } from 'node:events';
import { request } from 'node:http';
import { WebSocket } from 'ws';

/** What the parent asks for. */
export type ClientOrder =
  | {
      readonly kind: 'gateway';
      readonly url: string;
      readonly query: string;
      readonly sockets: number;
      readonly streams: number;
    }
  | { readonly kind: 'bare'; readonly url: string; readonly sockets: number }
  /** Say that it is understood, and when everyone has got so many changes since then, what each got. */
  | { readonly kind: 'expect'; readonly changes: number; readonly isQuiet: boolean };

/** What it answers. */
export type ClientReport =
  | { readonly kind: 'ready' }
  /** Empty when it is quiet. */
  | {
      readonly kind: 'done';
      readonly receipts: readonly Receipt[];
      readonly messages: number;
      readonly disorder: number;
      /** µs on the machine's monotonic clock. */
      readonly lastAt: number;
    };

/** One message to one subscriber: the numbers of its changes, which all are of one job, and when it came (µs). */
export type Receipt = readonly [first: number, last: number, at: number];

const SEQUENCE = '"sequence":';
const JOB = '"jobId":"';
const JOB_LENGTH = 56;

class Subscriber {
  job = '';
  last = 0;
  changes = 0;
}

const subscribers: Subscriber[] = [];
let wanted = Number.POSITIVE_INFINITY;
let isQuiet = true;
let ready = 0;
let messages = 0;
let disorder = 0;
let receipts: Receipt[] = [];

/** With as little work as it can be: what is done here is taken from the gateway. */
function take(subscriber: Subscriber, text: string): void {
  const now = Number(process.hrtime.bigint() / 1000n);
  let at = text.indexOf(SEQUENCE);
  if (at < 0) return; // a bookmark
  const jobAt = text.indexOf(JOB, at) + JOB.length;
  const job = text.slice(jobAt, jobAt + JOB_LENGTH);
  const first = Number.parseInt(text.slice(at + SEQUENCE.length, at + SEQUENCE.length + 10), 10);
  if (job === subscriber.job && first !== subscriber.last + 1) disorder += 1;
  subscriber.job = job;
  subscriber.last = first - 1;
  const before = subscriber.changes;
  for (; at >= 0; at = text.indexOf(SEQUENCE, at + 1)) {
    const number = Number.parseInt(text.slice(at + SEQUENCE.length, at + SEQUENCE.length + 10), 10);
    if (number !== subscriber.last + 1) disorder += 1;
    subscriber.last = number;
    subscriber.changes += 1;
  }
  messages += 1;
  if (!isQuiet) receipts.push([first, subscriber.last, now]);
  if (before < wanted && subscriber.changes >= wanted) ready += 1;
  if (ready === subscribers.length) report(now);
}

function report(lastAt: number): void {
  process.send!({ kind: 'done', receipts, messages, disorder, lastAt } satisfies ClientReport);
  wanted = Number.POSITIVE_INFINITY;
  ready = 0;
}

function expectChanges({ changes, isQuiet: quiet }: Extract<ClientOrder, { kind: 'expect' }>): void {
  for (const subscriber of subscribers) subscriber.changes = 0;
  wanted = changes;
  isQuiet = quiet;
  ready = messages = disorder = 0;
  receipts = [];
}

async function openSocket(url: string, query: string): Promise<void> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
    perMessageDeflate: false,
  });
  await once(socket, 'open');
  socket.send('{"type":"connection_init"}');
  await once(socket, 'message');
  socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query } }));
  await once(socket, 'message'); // the bookmark
  const subscriber = new Subscriber();
  subscribers.push(subscriber);
  socket.on('message', (data) => take(subscriber, data.toString()));
}

async function openStream(url: string, query: string): Promise<void> {
  const headers = { 'Content-Type': 'application/json', Accept: 'text/event-stream' };
  const outgoing = request(`${url}/graphql`, { method: 'POST', headers, agent: false });
  outgoing.end(JSON.stringify({ query }));
  const [incoming] = await once(outgoing, 'response');
  const subscriber = new Subscriber();
  subscribers.push(subscriber);
  let rest = '';
  let onFirst: () => void;
  const first = new Promise<void>((resolve) => {
    onFirst = resolve;
  });
  incoming.on('data', (chunk: Buffer) => {
    const text = rest + chunk.toString();
    const end = text.lastIndexOf('\n\n');
    rest = end < 0 ? text : text.slice(end + 2);
    if (end < 0) return;
    for (const event of text.slice(0, end).split('\n\n')) {
      if (!event.startsWith('event: next')) continue;
      onFirst();
      take(subscriber, event);
    }
  });
  await first;
}

async function openBare(url: string): Promise<void> {
  const socket = new WebSocket(url.replace('http', 'ws'), { perMessageDeflate: false });
  await once(socket, 'open');
  const subscriber = new Subscriber();
  subscribers.push(subscriber);
  socket.on('message', (data) => take(subscriber, data.toString()));
}

async function openMany(count: number, open: () => Promise<void>): Promise<void> {
  for (let left = count; left > 0; left -= 50) await Promise.all(Array.from({ length: Math.min(50, left) }, open));
}

process.on('message', async (order: ClientOrder) => {
  if (order.kind === 'expect') expectChanges(order);
  else if (order.kind === 'bare') await openMany(order.sockets, () => openBare(order.url));
  else {
    await openMany(order.sockets, () => openSocket(order.url, order.query));
    await openMany(order.streams, () => openStream(order.url, order.query));
  }
  process.send!({ kind: 'ready' } satisfies ClientReport);
});
