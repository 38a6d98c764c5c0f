import type { Pool } from 'pg';
import { CursorExpiredError, NotFoundError, UserError } from '../domain/errors.ts';
import { query, type Statement } from '../store/database.ts';
import type { EventPosition } from '../store/store.ts';
import { type ChangeBatch, MAX_BATCH } from './change-batch.ts';
import { type ChangeFilter, NO_FILTER } from './change-filter.ts';
import { findCursor, findOldestCursor, isReadable, requirePosition, tooOld } from './check-cursor.ts';
import type { EventCursor, LogCursor } from './cursor.ts';
import type { Feed } from './feed.ts';
import type { ChangeReader, Delivery } from './hub.ts';
import { BEGINNING, comparePositions } from './position.ts';
import { type ReadChanges, readChanges, readChangesOfJobs } from './read-changes.ts';

export interface ChangesWish {
  readonly filter: ChangeFilter;
  readonly after: EventCursor | LogCursor | null;
  /** Counts only without `after`. */
  readonly startAt: 'OLDEST' | 'NOW';
}

/**
 * Every change that the filter wants, once and in order: first from the log, then as it happens. The first batch comes at
 * once, if only to say where the stream stands. One that cannot go on ends with the error that says why.
 */
export function followChanges(feed: Feed, wish: ChangesWish, signal: AbortSignal): AsyncIterableIterator<ChangeEvent> {
  return new ChangeStream(feed, wish, signal);
}

export type ChangeEvent = ChangeBatch | UserError;
type Step = IteratorResult<ChangeEvent, undefined>;

const DONE: Step = { done: true, value: undefined };

/** Not a generator: each would cost three more promises per batch and subscriber, of which there are thousands. */
class ChangeStream implements AsyncIterableIterator<ChangeEvent> {
  private readonly feed: Feed;
  private readonly wish: ChangesWish;
  private readonly signal: AbortSignal;
  private readonly reader: ChangeReader;
  private readonly close = () => this.end();
  private position: EventPosition = BEGINNING;
  private hasBegun = false;
  /** Nothing has been handed on yet: the first batch may be empty. */
  private isFirst = true;
  private isOver = false;

  constructor(feed: Feed, wish: ChangesWish, signal: AbortSignal) {
    this.feed = feed;
    this.wish = wish;
    this.signal = signal;
    this.reader = feed.hub.open(wish.filter);
    signal.addEventListener('abort', this.close, { once: true });
    if (signal.aborted) this.end();
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  next(): Promise<Step> {
    if (this.isOver) return Promise.resolve(DONE);
    if (!this.hasBegun) return this.begin();
    const delivery = this.reader.next(this.position, this.isFirst);
    return delivery instanceof Promise ? delivery.then(this.take) : Promise.resolve(this.take(delivery));
  }

  async return(): Promise<Step> {
    this.end();
    return DONE;
  }

  private async begin(): Promise<Step> {
    this.hasBegun = true;
    const { feed, wish } = this;
    try {
      // What was committed before belongs to the first batch, and to what caughtUp speaks of.
      await feed.catchUp();
      this.position = await findStart(feed, wish);
      const end = await findDeletion(feed.store.pool, wish.filter.jobId);
      if (end === null || comparePositions(this.position, end) < 0) return await this.next();
      this.end();
      return { done: false, value: { changes: [], position: this.position, seenAt: feed.store.now() } };
    } catch (error) {
      this.end();
      if (error instanceof UserError) return { done: false, value: error };
      throw error;
    }
  }

  private readonly take = (delivery: Delivery): Step | Promise<Step> => {
    if (delivery === 'behind') return this.catchUp().catch(this.fail);
    if (delivery === 'reset') return this.explainReset();
    if (delivery !== 'closed') return this.hand(delivery);
    this.end();
    return DONE;
  };

  private readonly fail = (error: unknown): never => {
    this.end();
    throw error;
  };

  private hand(batch: ChangeBatch): Step {
    this.position = batch.position;
    this.isFirst = false;
    if (this.wish.filter.jobId !== null && batch.changes.at(-1)?.row.kind === 'deletion') this.end();
    return { done: false, value: batch };
  }

  /** From the log, up to where memory takes over: nothing of it is read twice. */
  private async catchUp(): Promise<Step> {
    const { feed, wish, position: after } = this;
    const until = feed.head;
    const read = await readChanges(feed.store.pool, { filter: wish.filter, after, first: MAX_BATCH, until });
    const isAtHead = read.isEnd && comparePositions(until, feed.head) === 0;
    const position = read.isEnd ? until : read.position!;
    const batch = { changes: read.changes, position, seenAt: isAtHead ? feed.store.now() : null };
    if (batch.changes.length > 0 || this.isFirst) return this.hand(batch);
    this.position = position;
    return await this.next();
  }

  private async explainReset(): Promise<Step> {
    this.end();
    const oldest = await findOldestCursor(this.feed.cursorContext());
    return { done: false, value: new CursorExpiredError('The database has been replaced or restored.', oldest) };
  }

  private end(): void {
    this.isOver = true;
    this.signal.removeEventListener('abort', this.close);
    this.reader.close();
  }
}

/** One batch, as a query gives it: read from the log, so that it has everything that was committed before. */
export async function readOnce(feed: Feed, wish: ChangesWish, first: number): Promise<ChangeBatch> {
  const { filter } = wish;
  const { pool } = feed.store;
  await findDeletion(pool, filter.jobId);
  if (!wish.after && wish.startAt === 'NOW') await feed.catchUp();
  const { head } = feed;
  const start = await findStart(feed, wish);
  const read = await readChanges(pool, { filter, after: start, first, until: null });
  return toBatch(feed, read, start, head);
}

/** One batch of each of many jobs that exist, from the beginning or from one cursor on. */
export async function readOfJobs(
  feed: Feed,
  jobIds: readonly string[],
  after: EventCursor | LogCursor | null,
  first: number,
): Promise<ReadonlyMap<string, ChangeBatch | CursorExpiredError>> {
  const { head } = feed;
  const context = feed.cursorContext();
  const cursor = after && (await findCursor(context, after));
  const start = cursor?.position ?? BEGINNING;
  const readable = jobIds.filter((id) => !cursor || isReadable(cursor, id));
  const refusal = readable.length === jobIds.length ? null : await tooOld(context);
  const wish = { filter: NO_FILTER, after: start, first, until: null };
  const read = await readChangesOfJobs(feed.store.pool, wish, readable);
  return new Map(
    jobIds.map((id) => {
      const changes = read.get(id);
      return [id, changes ? toBatch(feed, changes, start, head) : refusal!];
    }),
  );
}

function toBatch(feed: Feed, read: ReadChanges, start: EventPosition, head: EventPosition): ChangeBatch {
  const { changes, isEnd } = read;
  const reached = read.position ?? start;
  if (!isEnd) return { changes, position: reached, seenAt: null };
  return { changes, position: comparePositions(reached, head) > 0 ? reached : head, seenAt: feed.store.now() };
}

async function findStart(feed: Feed, { after, startAt, filter }: ChangesWish): Promise<EventPosition> {
  if (after) return await requirePosition(feed.cursorContext(), after, filter.jobId);
  return startAt === 'OLDEST' ? BEGINNING : feed.head;
}

const DELETION: Statement = {
  name: 'feed-deletion',
  text: `SELECT xid::text AS xid, id, 1 AS offset, kind FROM event WHERE job_id = $1 AND NOT EXISTS (SELECT FROM job WHERE job.id = $1)
    ORDER BY first_sequence DESC LIMIT 1`,
};
const JOB: Statement = { name: 'feed-job', text: 'SELECT 1 FROM job WHERE id = $1' };

/**
 * Where a deleted job's events end; null for a living one and where no job is asked for.
 *
 * @throws NotFoundError for one that never was, or whose events have been deleted too
 */
async function findDeletion(pool: Pool, jobId: string | null): Promise<EventPosition | null> {
  if (jobId === null) return null;
  if ((await query(pool, JOB, [jobId])).rowCount === 1) return null;
  const last = (await query<EventPosition & object>(pool, DELETION, [jobId])).rows[0];
  if (!last) throw new NotFoundError('job', jobId);
  return last;
}
