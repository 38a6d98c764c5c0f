import type { EventPosition } from '../store/store.ts';
import { type ChangeBatch, isCaughtUp, MAX_BATCH, spread } from './change-batch.ts';
import { type ChangeFilter, isWanted, keyOfFilter } from './change-filter.ts';
import { type EventRow, endOf, type StatusChange } from './event-row.ts';
import { comparePositions } from './position.ts';
import { RecentEvents } from './recent-events.ts';

export interface HubOptions {
  /** How many changes are kept in memory for those who are not quite at the end. */
  readonly recentChanges: number;
  /** A quiet stream gets a bookmark after this long, in ms. */
  readonly bookmarkMs: number;
  readonly now: () => Date;
}

/** What a reader gets: a batch; or that it has to read the log first; or that there is no more. */
export type Delivery = ChangeBatch | 'behind' | 'reset' | 'closed';

/** Readers of the feed by what they want. Nothing is pushed: each one asks when it has room, and waits at the end. */
export class ChangeHub {
  readonly options: HubOptions;
  recent: RecentEvents;
  /** Rises when the history is replaced. */
  generation = 0;
  private readonly channels = new Map<string, Channel>();
  /** Those about one job, so that an event finds them without asking all the others. */
  private readonly ofJob = new Map<string, Set<Channel>>();
  private readonly ofAny = new Set<Channel>();

  constructor(head: EventPosition, options: HubOptions) {
    this.options = options;
    this.recent = new RecentEvents(head, options.recentChanges);
  }

  /** Adds what the log has got. */
  add(rows: readonly EventRow[]): void {
    if (rows.length === 0) return;
    const { head } = this.recent;
    this.recent.add(rows);
    const isTorn = !this.recent.holds(head);
    const concerned = new Set<Channel>();
    for (const row of rows) {
      for (const channel of this.ofJob.get(row.jobId) ?? []) if (isWanted(row, channel.filter)) concerned.add(channel);
      for (const channel of this.ofAny) if (isWanted(row, channel.filter)) concerned.add(channel);
    }
    for (const channel of concerned) channel.deliver(isTorn);
  }

  /** Starts over at another position: the database has another history now, and every reader's cursor is void. */
  reset(head: EventPosition): void {
    this.recent = new RecentEvents(head, this.options.recentChanges);
    this.generation += 1;
    for (const channel of this.channels.values()) channel.dismiss('reset');
  }

  close(): void {
    for (const channel of this.channels.values()) channel.dismiss('closed');
  }

  /** A reader of what the filter wants. It must be closed. */
  open(filter: ChangeFilter): ChangeReader {
    const key = keyOfFilter(filter);
    let channel = this.channels.get(key);
    if (!channel) {
      channel = new Channel(this, filter);
      this.channels.set(key, channel);
      this.indexOf(filter).add(channel);
    }
    const opened = channel;
    return opened.open(() => {
      this.channels.delete(key);
      this.indexOf(filter).delete(opened);
      if (filter.jobId !== null && this.ofJob.get(filter.jobId)?.size === 0) this.ofJob.delete(filter.jobId);
    });
  }

  private indexOf({ jobId }: ChangeFilter): Set<Channel> {
    if (jobId === null) return this.ofAny;
    let channels = this.ofJob.get(jobId);
    if (!channels) {
      channels = new Set();
      this.ofJob.set(jobId, channels);
    }
    return channels;
  }
}

export interface ChangeReader {
  /**
   * What follows the position. At the end it waits, unless `atOnce`; a bookmark comes when nothing else does. One call at
   * a time. Readers at the same position get the same object: what is made of it can be made once.
   */
  next(position: EventPosition, atOnce?: boolean): Delivery | Promise<Delivery>;
  /** Ends a call that waits. */
  close(): void;
}

interface Waiter {
  readonly position: EventPosition;
  readonly resolve: (delivery: Delivery) => void;
}

interface Kept {
  readonly number: number;
  readonly offset: number;
  /** The rows that there were when it was made. */
  readonly end: number;
  readonly batch: ChangeBatch;
}

/** Batches that are kept for readers a little behind the others: each is at most MAX_BATCH references. */
const KEPT_BATCHES = 8;

class Channel {
  readonly filter: ChangeFilter;
  private readonly hub: ChangeHub;
  private readonly waiters = new Set<Waiter>();
  private kept: Kept[] = [];
  private readers = 0;
  private bookmarkTimer: NodeJS.Timeout | undefined;

  constructor(hub: ChangeHub, filter: ChangeFilter) {
    this.hub = hub;
    this.filter = filter;
  }

  open(onLastClosed: () => void): ChangeReader {
    this.readers += 1;
    let waiter: Waiter | undefined;
    let isClosed = false;
    const { generation } = this.hub;
    return {
      next: (position, atOnce = false) => {
        if (isClosed) return 'closed';
        if (generation !== this.hub.generation) return 'reset';
        const { recent } = this.hub;
        if (!recent.holds(position)) return 'behind';
        const batch = this.batchAfter(position) ?? (atOnce ? this.makeBookmark(position) : null);
        if (batch) return batch;
        return new Promise((resolve) => {
          waiter = { position, resolve };
          this.waiters.add(waiter);
          this.bookmarkTimer ??= this.startBookmarkTimer();
        });
      },
      close: () => {
        if (isClosed) return;
        isClosed = true;
        if (waiter && this.waiters.delete(waiter)) waiter.resolve('closed');
        this.readers -= 1;
        if (this.readers > 0) return;
        clearTimeout(this.bookmarkTimer);
        onLastClosed();
      },
    };
  }

  /**
   * Hands on what has come. Whoever waited has missed nothing, however far behind the position is, unless more came at
   * once than is kept.
   */
  deliver(isTorn: boolean): void {
    this.bookmarkTimer?.refresh();
    for (const waiter of this.waiters) {
      const isLost = isTorn && !this.hub.recent.holds(waiter.position);
      const batch = isLost ? 'behind' : this.batchAfter(waiter.position);
      if (batch) this.settle(waiter, batch);
    }
  }

  dismiss(why: 'reset' | 'closed'): void {
    this.kept = [];
    for (const waiter of this.waiters) this.settle(waiter, why);
  }

  private settle(waiter: Waiter, delivery: Delivery): void {
    this.waiters.delete(waiter);
    waiter.resolve(delivery);
  }

  private batchAfter(position: EventPosition): ChangeBatch | null {
    const { recent } = this.hub;
    if (comparePositions(position, recent.head) >= 0) return null;
    let { number, offset } = recent.find(position);
    // From the first change that is wanted on: readers who differ only in what was left out share the batch.
    while (number < recent.end && !isWanted(recent.row(number), this.filter)) {
      number += 1;
      offset = 0;
    }
    if (number === recent.end) return null;
    const kept = this.kept.find((each) => each.number === number && each.offset === offset);
    if (kept && (kept.end === recent.end || !isCaughtUp(kept.batch))) return kept.batch;
    const batch = this.makeBatch(number, offset);
    this.kept = [{ number, offset, end: recent.end, batch }, ...this.kept.filter((each) => each !== kept)];
    this.kept.length = Math.min(this.kept.length, KEPT_BATCHES);
    return batch;
  }

  private makeBatch(first: number, offset: number): ChangeBatch {
    const { recent, options } = this.hub;
    const changes: StatusChange[] = [];
    let from = offset;
    for (let number = first; number < recent.end; number += 1) {
      const row = recent.row(number);
      if (isWanted(row, this.filter)) {
        const until = spread(row, from, MAX_BATCH - changes.length, changes);
        const isLast = number === recent.end - 1 && until === row.changeCount;
        if (changes.length === MAX_BATCH && !isLast)
          return { changes, position: { xid: row.xid, id: row.id, offset: until }, seenAt: null };
      }
      from = 0;
    }
    return { changes, position: endOf(recent.row(recent.end - 1)), seenAt: options.now() };
  }

  /** A position may be ahead of what has been read: that of a change that was made a moment ago. It never goes back. */
  private makeBookmark(position: EventPosition): ChangeBatch {
    const { recent, options } = this.hub;
    const isAhead = comparePositions(position, recent.head) > 0;
    return { changes: [], position: isAhead ? position : recent.head, seenAt: options.now() };
  }

  private startBookmarkTimer(): NodeJS.Timeout {
    return setTimeout(() => {
      const { head } = this.hub.recent;
      const shared = this.makeBookmark(head);
      for (const waiter of this.waiters)
        this.settle(waiter, comparePositions(waiter.position, head) > 0 ? this.makeBookmark(waiter.position) : shared);
      this.bookmarkTimer = undefined;
    }, this.hub.options.bookmarkMs).unref();
  }
}
