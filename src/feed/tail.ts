import { setTimeout as delay } from 'node:timers/promises';
import { Client, type ClientConfig } from 'pg';
import type { Logger } from 'pino';
import type { EventPosition } from '../store/store.ts';
import type { FeedIdentity } from './cursor.ts';
import { readFeedIdentity } from './feed-identity.ts';
import type { ChangeHub } from './hub.ts';
import { readEnd, readTail } from './read-tail.ts';

export interface TailOptions {
  readonly config: ClientConfig;
  readonly logger: Logger;
  /** How often the log is looked at when nobody wakes it, in ms: wake-ups of other gateways can be lost. */
  readonly pollMs: number;
  /** The same while notifications do not come through, as behind some connection poolers. */
  readonly deafPollMs: number;
  /** Called for each connection, before anything is read over it. */
  onConnect(identity: FeedIdentity, end: EventPosition): void;
  onNotification(payload: string): void;
}

/** The least time between two readings, in ms: more often, many small batches cost more than they are worth. */
const GAP_MS = 4;
/** While a transaction that is still open holds events back: looked at again after this many ms, then after twice as many. */
const HELD_BACK_MS = { first: 5, last: 100 };
const RECONNECT_MS = { first: 100, last: 5_000 };
const NOTIFY_CHANNEL = 'tablao_feed';
const NOTIFY = 'SELECT pg_notify($1, $2)';

/**
 * Follows the log on a connection of its own: one reader for the whole gateway, however many listen. It also hears and
 * sends the notifications between gateways.
 */
export class Tail {
  private readonly hub: ChangeHub;
  private readonly options: TailOptions;
  private isConnected = false;
  private outbox: string[] = [];
  private loop: Promise<void> = Promise.resolve();
  private isStopped = false;
  private isWoken = false;
  private rouse: () => void = () => {};
  private waiting: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  /** Whether notifications come through. */
  isHearing = false;
  /** Since when there is something that may not or cannot be read; null when there is nothing. */
  behindSince: number | null = null;

  constructor(hub: ChangeHub, options: TailOptions) {
    this.hub = hub;
    this.options = options;
  }

  /** Resolves when it is connected and follows. */
  async start(): Promise<void> {
    const client = await this.connect();
    this.loop = this.run(client);
  }

  /** To be called after every commit: there may be news. */
  wake(): void {
    this.isWoken = true;
    this.rouse();
  }

  /** Resolves when everything has been read that may be read now. */
  catchUp(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.isStopped) return reject(new Error('The feed has been stopped.'));
      this.waiting.push({ resolve, reject });
      this.wake();
    });
  }

  /** Sends to every gateway on the database. What cannot be sent now is lost: the others poll. */
  notify(payload: string): void {
    if (!this.isConnected) return;
    this.outbox.push(payload);
    this.wake();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    this.wake();
    await this.loop;
  }

  private async run(first: Client): Promise<void> {
    let client: Client | null = first;
    let backOffMs = RECONNECT_MS.first;
    while (!this.isStopped) {
      try {
        client ??= await this.connect();
        backOffMs = RECONNECT_MS.first;
        await this.follow(client);
      } catch (error) {
        this.behindSince ??= performance.now();
        this.fail(error);
        const reason = (error as Error).message;
        if (!this.isStopped) this.options.logger.warn({ reason }, 'The event feed lost its database; it tries again');
        await delay(backOffMs, undefined, { ref: false });
        backOffMs = Math.min(2 * backOffMs, RECONNECT_MS.last);
      } finally {
        this.isConnected = false;
        this.isHearing = false;
        this.outbox = [];
        await client?.end().catch(() => {});
        client = null;
      }
    }
    this.fail(new Error('The feed has been stopped.'));
  }

  private async connect(): Promise<Client> {
    // As it is and not copied: a pool hides its password from enumeration.
    const client = new Client(this.options.config);
    client.on('error', () => this.wake());
    client.on('notification', ({ payload = '' }) => this.options.onNotification(payload));
    try {
      await client.connect();
      // A notification is worth no wait for the disk.
      await client.query(
        `SET synchronous_commit = off; SET application_name = 'tablao feed'; LISTEN ${NOTIFY_CHANNEL}`,
      );
      const identity = await readFeedIdentity(client);
      const end = await readEnd(client);
      this.isConnected = true;
      this.options.onConnect(identity, end);
    } catch (error) {
      await client.end().catch(() => {});
      throw error;
    }
    return client;
  }

  private async follow(client: Client): Promise<void> {
    let heldBackMs = HELD_BACK_MS.first;
    while (!this.isStopped) {
      const begun = performance.now();
      this.isWoken = false;
      const served = this.waiting.length;
      const { rows, isFull, isHeldBack } = await readTail(client, this.hub.recent.head);
      this.hub.add(rows);
      if (isFull) continue;
      for (const payload of this.outbox.splice(0)) await client.query(NOTIFY, [NOTIFY_CHANNEL, payload]);
      for (const { resolve } of this.waiting.splice(0, served)) resolve();
      this.behindSince = isHeldBack ? (this.behindSince ?? begun) : null;
      heldBackMs = isHeldBack && rows.length === 0 ? Math.min(2 * heldBackMs, HELD_BACK_MS.last) : HELD_BACK_MS.first;
      const pollMs = this.isHearing ? this.options.pollMs : this.options.deafPollMs;
      await this.pause(begun + GAP_MS - performance.now(), isHeldBack ? heldBackMs : pollMs);
    }
  }

  /** Waits at least `leastMs`, and then until it is woken, at most `mostMs`. */
  private async pause(leastMs: number, mostMs: number): Promise<void> {
    if (leastMs > 0) await delay(leastMs);
    if (this.isWoken || this.isStopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, mostMs).unref();
      this.rouse = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.rouse = () => {};
  }

  private fail(error: unknown): void {
    for (const { reject } of this.waiting.splice(0)) reject(error);
  }
}
