import type { Logger } from 'pino';
import type { Wake } from './wake.ts';

/** Something that changes and of which only the newest state counts. */
export interface LiveSource<Value> {
  /** What of it a change concerns, in the source's own words, for `read`; null when nothing. */
  concernOf(wake: Wake, value: Value | null): Iterable<string> | null;
  /**
   * Reads it anew. Null when it is as it was: nobody is bothered then.
   *
   * @param concerns all that came together since the last reading
   */
  read(previous: Value | null, concerns: ReadonlySet<string>, version: number): Promise<Value | null>;
}

export interface LiveOptions {
  /** The least time between two readings, in ms: so often at most each stream gets a message. */
  readonly gapMs: number;
  /** It is read so often (ms) even when nothing says that it has changed: wake-ups between gateways can be lost. */
  readonly refreshMs: number;
  readonly logger: Logger;
}

/** After a failed reading: the database is away, and everyone asks it. */
const FAILURE_PAUSE_MS = 1_000;

/** One state of it. Every stream gets the same object: what is made of it can be made once. */
export interface Versioned<Value> {
  readonly version: number;
  readonly value: Value;
}

interface Waiter<Value> {
  /** The version that it has. */
  readonly seen: number;
  readonly resolve: (state: Versioned<Value> | null) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A state that any number of streams watch: one reading for all of them, at once when it is the first for a while, else
 * as soon as the gap allows. It holds the newest state and nothing else, so a slow stream costs nothing and misses
 * nothing but what is old.
 */
export class LiveValue<Value> {
  private readonly source: LiveSource<Value>;
  private readonly options: LiveOptions;
  private current: Versioned<Value> | null = null;
  private concerns = new Set<string>();
  private isStale = true;
  private isReading = false;
  private isClosed = false;
  private lastRead = Number.NEGATIVE_INFINITY;
  private timer: NodeJS.Timeout | undefined;
  private readonly waiters = new Set<Waiter<Value>>();

  constructor(source: LiveSource<Value>, options: LiveOptions) {
    this.source = source;
    this.options = options;
    this.schedule();
  }

  wake(wake: Wake): void {
    const concerns = this.source.concernOf(wake, this.current?.value ?? null);
    if (!concerns) return;
    for (const concern of concerns) this.concerns.add(concern);
    this.isStale = true;
    this.schedule();
  }

  /** A state newer than the one that was seen, as soon as there is one; null when the reader has been closed. */
  open(): { next(seen: number): Promise<Versioned<Value> | null>; close(): void } {
    let waiter: Waiter<Value> | undefined;
    let isClosed = false;
    return {
      next: (seen) => {
        if (isClosed || this.isClosed) return Promise.resolve(null);
        // What is known to be old is not handed to somebody new: the reading that is due comes within the gap.
        if (this.current && this.current.version > seen && (seen > 0 || !this.isStale))
          return Promise.resolve(this.current);
        return new Promise((resolve, reject) => {
          waiter = { seen, resolve, reject };
          this.waiters.add(waiter);
        });
      },
      close: () => {
        isClosed = true;
        if (waiter && this.waiters.delete(waiter)) waiter.resolve(null);
      },
    };
  }

  close(): void {
    this.isClosed = true;
    clearTimeout(this.timer);
    this.settle((waiter) => waiter.resolve(null));
  }

  private schedule(): void {
    if (this.isReading || this.isClosed) return;
    clearTimeout(this.timer);
    const dueIn = this.lastRead + (this.isStale ? this.options.gapMs : this.options.refreshMs) - performance.now();
    if (this.isStale && dueIn <= 0) void this.read();
    else this.timer = setTimeout(() => void this.read(), dueIn).unref();
  }

  private async read(): Promise<void> {
    const concerns = this.concerns;
    this.concerns = new Set();
    this.isReading = true;
    this.isStale = false;
    this.lastRead = performance.now();
    const version = (this.current?.version ?? 0) + 1;
    try {
      const value = await this.source.read(this.current?.value ?? null, concerns, version);
      if (value !== null) this.current = { version, value };
      const { current } = this;
      // Those who have just come wait for a first state, whether it is a new one or not.
      if (current) this.settle((waiter) => waiter.resolve(current), current.version);
    } catch (error) {
      this.takeFailure(error, concerns);
    }
    this.isReading = false;
    this.schedule();
  }

  private takeFailure(error: unknown, concerns: ReadonlySet<string>): void {
    this.concerns = new Set([...this.concerns, ...concerns]);
    this.isStale = true;
    this.lastRead = performance.now() + FAILURE_PAUSE_MS;
    if (!this.current) {
      this.settle((waiter) => waiter.reject(error));
      return;
    }
    this.options.logger.warn({ reason: (error as Error).message }, 'A live state could not be read; it is tried again');
  }

  private settle(how: (waiter: Waiter<Value>) => void, version = Number.POSITIVE_INFINITY): void {
    for (const waiter of this.waiters) {
      if (waiter.seen >= version) continue;
      this.waiters.delete(waiter);
      how(waiter);
    }
  }
}
