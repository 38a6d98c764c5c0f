import type { Logger } from 'pino';
import type { CommittedChange, EventPosition, Store } from '../store/store.ts';
import type { CursorContext } from './check-cursor.ts';
import { encodeCursor, type FeedIdentity } from './cursor.ts';
import { GatewayLink } from './gateway-link.ts';
import { ChangeHub } from './hub.ts';
import { createRowSources } from './live-rows.ts';
import { LiveStates } from './live-states.ts';
import { BEGINNING } from './position.ts';
import { Tail } from './tail.ts';
import { type Wake, wakeOfChange, wakeOfLog } from './wake.ts';

export interface FeedOptions extends FeedTuning {
  readonly store: Store;
  readonly logger: Logger;
  /** Called with what another gateway on the database has changed. */
  readonly onRemoteChange?: (wake: Wake) => void;
}

/** Times and sizes that have a usual value. */
export interface FeedTuning {
  /** A quiet exact stream gets a bookmark after this long, in ms. */
  readonly bookmarkMs?: number;
  /** Changes that are kept in memory for streams that are not quite at the end: some 200 bytes each. */
  readonly recentChanges?: number;
  /** How often the log is looked at when nobody wakes the feed, in ms. */
  readonly pollMs?: number;
  /** The least time between two messages of a state stream, in ms. */
  readonly stateGapMs?: number;
  /** How often a state is read that nothing has changed, in ms. */
  readonly stateRefreshMs?: number;
}

const DEFAULTS = { bookmarkMs: 15_000, recentChanges: 20_000, pollMs: 1_000, stateGapMs: 100, stateRefreshMs: 15_000 };
/** How often the log is looked at, in ms, while gateways cannot hear each other. */
const DEAF_POLL_MS = 100;

/**
 * What a gateway's live streams stand on: one reader of the log, one reading of each state, and whoever listens shares
 * them. Call `wake` after each commit, and
 * `start` before anything is asked of it.
 */
export class Feed implements FeedIdentity {
  readonly store: Store;
  readonly hub: ChangeHub;
  readonly states: LiveStates;
  readonly rows: ReturnType<typeof createRowSources>;
  private readonly tail: Tail;
  private readonly link: GatewayLink;
  private identity: FeedIdentity | null = null;

  constructor({ store, logger, onRemoteChange, ...options }: FeedOptions) {
    const { bookmarkMs, recentChanges, pollMs, stateGapMs, stateRefreshMs } = { ...DEFAULTS, ...options };
    this.store = store;
    this.hub = new ChangeHub(BEGINNING, { bookmarkMs, recentChanges, now: store.now });
    this.states = new LiveStates({ gapMs: stateGapMs, refreshMs: stateRefreshMs, logger });
    this.rows = createRowSources(store);
    this.link = new GatewayLink({
      post: (payload) => this.tail.notify(payload),
      onHearing: () => {
        this.tail.isHearing = true;
      },
      onWake: (wake) => {
        this.tail.wake();
        this.states.wake(wake);
        onRemoteChange?.(wake);
      },
    });
    this.tail = new Tail(this.hub, {
      config: store.pool.options,
      logger,
      pollMs,
      deafPollMs: Math.min(pollMs, DEAF_POLL_MS),
      onConnect: (identity, end) => this.takeConnection(identity, end),
      onNotification: (payload) => this.link.hear(payload),
    });
  }

  /** Resolves when the feed follows the log. */
  async start(): Promise<void> {
    await this.tail.start();
  }

  /** Ends every stream. Idempotent. */
  async stop(): Promise<void> {
    this.hub.close();
    this.states.close();
    await this.tail.stop();
  }

  /** To be called after every commit. */
  wake(change: CommittedChange): void {
    this.spreadWake(wakeOfChange(change));
  }

  /** To be called when an attempt's log has grown. */
  wakeLog(attemptId: string): void {
    this.spreadWake(wakeOfLog(attemptId));
  }

  /** Which history the cursors belong to. */
  get epoch(): string {
    if (!this.identity) throw new Error('The feed has not been started.');
    return this.identity.epoch;
  }

  /** Where the feed ends, as far as this gateway has read it. */
  get head(): EventPosition {
    return this.hub.recent.head;
  }

  /** From here on the feed adds to whatever is read after this call. */
  headCursor(): string {
    return encodeCursor(this, this.head, this.store.now());
  }

  /** Resolves when everything has been read that was committed before, unless an open transaction holds it back. */
  catchUp(): Promise<void> {
    return this.tail.catchUp();
  }

  /** For how long (ms) the feed has been held back: by a transaction that is still open, or by the lack of a database. */
  get behindMs(): number {
    return this.tail.behindSince === null ? 0 : performance.now() - this.tail.behindSince;
  }

  cursorContext(): CursorContext {
    return { client: this.store.pool, identity: this, now: this.store.now(), head: this.head };
  }

  private spreadWake(wake: Wake): void {
    if (wake.attemptIds.size === 0) this.tail.wake();
    this.states.wake(wake);
    this.link.announce(wake);
  }

  /** A database that was replaced or restored has another history: what was read of the old one is void. */
  private takeConnection(identity: FeedIdentity, end: EventPosition): void {
    if (this.identity?.epoch !== identity.epoch) this.hub.reset(end);
    this.identity = identity;
    this.link.greet();
  }
}
