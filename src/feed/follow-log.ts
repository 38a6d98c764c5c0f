import { CursorExpiredError, NotFoundError, UserError } from '../domain/errors.ts';
import { query, type Statement } from '../store/database.ts';
import type { Store } from '../store/store.ts';
import { type EventCursor, encodeLogCursor, type LogCursor } from './cursor.ts';
import type { Feed } from './feed.ts';
import type { LiveSource } from './live-value.ts';
import { findAttemptOfTask, findLoggedAttempt, type LoggedAttempt } from './log-bytes.ts';
import { type LogPage, readLogPage } from './log-page.ts';

/** Bytes of one message of the stream. */
const MESSAGE_BYTES = 65_536;

export interface LogWish {
  readonly taskId: string;
  /** The task's id as the caller knows it, for errors. */
  readonly givenId: string;
  /** Null: the newest one, or that of the cursor. */
  readonly attemptNumber: number | null;
  readonly after: EventCursor | LogCursor | null;
}

/** One page of an attempt's log. @throws NotFoundError, CursorExpiredError */
export async function readLogOnce(feed: Feed, wish: LogWish, maxBytes: number): Promise<LogPage> {
  const { pool } = feed.store;
  const attempt = await findWished(feed, wish);
  if (!attempt) throw new NotFoundError('attempt', wish.givenId);
  const page = await readLogPage(pool, attempt, wish.after ? offsetOf(wish.after) : 0, maxBytes);
  refuseGap(feed, wish, page);
  return page;
}

/**
 * An attempt's log from the cursor, or from its first byte, as it grows; ends with the attempt. For a task that has not
 * been given out yet it waits until it is.
 */
export async function* followLog(feed: Feed, wish: LogWish, signal: AbortSignal): AsyncGenerator<LogPage | UserError> {
  try {
    const attempt = (await findWished(feed, wish)) ?? (await waitForAttempt(feed, wish.taskId, signal));
    if (attempt) yield* followAttempt(feed, wish, attempt, signal);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    yield error;
  }
}

async function* followAttempt(
  feed: Feed,
  wish: LogWish,
  { id }: LoggedAttempt,
  signal: AbortSignal,
): AsyncGenerator<LogPage> {
  let position = wish.after ? offsetOf(wish.after) : 0;
  let isFirst = true;
  for await (const { value: log } of feed.states.follow(`log ${id}`, () => sourceOf(feed.store, id), signal)) {
    if (!log.attempt) throw new NotFoundError('task', wish.taskId);
    for (let isCaughtUp = false; !isCaughtUp; isFirst = false) {
      const page = await log.readPage(position);
      if (isFirst) refuseGap(feed, wish, page);
      if (isFirst || page.next > position || page.hasEnded) yield page;
      if (page.hasEnded) return;
      position = page.next;
      isCaughtUp = page.isCaughtUp;
    }
  }
}

async function findWished(
  feed: Feed,
  { taskId, givenId, attemptNumber, after }: LogWish,
): Promise<LoggedAttempt | null> {
  const { pool } = feed.store;
  const attemptId = after?.stream === 'log' && attemptNumber === null ? after.attemptId : null;
  const found = await (attemptId ? findLoggedAttempt(pool, attemptId) : findAttemptOfTask(pool, taskId, attemptNumber));
  const attempt = found?.taskId === taskId ? found : await findAttemptOfTask(pool, taskId, attemptNumber);
  if (!attempt) {
    if (!(await hasTask(feed.store, taskId))) throw new NotFoundError('task', taskId);
    if (attemptNumber === null && !after) return null;
    throw new NotFoundError('attempt', givenId);
  }
  if (after) refuseCursor(feed, attempt, after);
  return attempt;
}

/** @throws CursorExpiredError */
function refuseCursor(feed: Feed, attempt: LoggedAttempt, after: EventCursor | LogCursor): void {
  const isGood =
    after.stream === 'log' &&
    after.epoch === feed.epoch &&
    after.attemptId === attempt.id &&
    after.offset <= attempt.logBytes;
  if (isGood) return;
  const message = 'The cursor is not one of the log of this attempt in this database.';
  throw new CursorExpiredError(message, encodeLogCursor(feed, attempt.id, 0));
}

/** @throws CursorExpiredError when what follows the cursor has been dropped; without a cursor it begins with what is there */
function refuseGap(feed: Feed, { after }: LogWish, { attempt, start }: LogPage): void {
  if (!after || start <= offsetOf(after)) return;
  throw new CursorExpiredError('This part of the log has been dropped.', encodeLogCursor(feed, attempt.id, start));
}

function offsetOf(cursor: EventCursor | LogCursor): number {
  return cursor.stream === 'log' ? cursor.offset : 0;
}

const TASK: Statement = { name: 'log-task', text: 'SELECT 1 FROM task WHERE id = $1' };

async function hasTask({ pool }: Store, taskId: string): Promise<boolean> {
  return (await query(pool, TASK, [taskId])).rowCount === 1;
}

/** The attempt and its log at one moment. */
interface LogState {
  readonly attempt: LoggedAttempt | null;
  /** Followers at the same place get the same page. */
  readPage(from: number): Promise<LogPage>;
}

/** Pages of one moment that are kept for others: most followers are at the end. */
const KEPT_PAGES = 4;

function sourceOf(store: Store, attemptId: string): LiveSource<LogState> {
  return {
    concernOf(wake, value) {
      const isConcerned = wake.attemptIds.has(attemptId) || !value?.attempt || wake.jobIds.has(value.attempt.jobId);
      return wake.isEverything || isConcerned ? [] : null;
    },
    async read(previous) {
      const attempt = await findLoggedAttempt(store.pool, attemptId);
      const old = previous?.attempt;
      if (old && attempt && old.logBytes === attempt.logBytes && (old.endedAt === null) === (attempt.endedAt === null))
        return null;
      const pages = new Map<number, Promise<LogPage>>();
      return {
        attempt,
        readPage(from) {
          const kept = pages.get(from);
          if (kept) return kept;
          const page = readLogPage(store.pool, attempt!, from, MESSAGE_BYTES);
          pages.set(from, page);
          const [oldest] = pages.keys();
          if (pages.size > KEPT_PAGES) pages.delete(oldest!);
          return page;
        },
      };
    },
  };
}

/** The first attempt of a task that has none; null when nobody waits any more. @throws NotFoundError */
async function waitForAttempt(feed: Feed, taskId: string, signal: AbortSignal): Promise<LoggedAttempt | null> {
  interface FirstAttempt {
    readonly attempt: LoggedAttempt | null;
    readonly hasTask: boolean;
  }
  const source = (): LiveSource<FirstAttempt> => ({
    concernOf: (wake) => (wake.isEverything || wake.jobIds.size > 0 ? [] : null),
    async read(previous) {
      const attempt = await findAttemptOfTask(feed.store.pool, taskId, null);
      const isThere = attempt !== null || (await hasTask(feed.store, taskId));
      return previous && !attempt && isThere ? null : { attempt, hasTask: isThere };
    },
  });
  for await (const { value } of feed.states.follow(`attempt of ${taskId}`, source, signal)) {
    if (value.attempt) return value.attempt;
    if (!value.hasTask) throw new NotFoundError('task', taskId);
  }
  return null;
}
