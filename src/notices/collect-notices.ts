import { v7 as makeId } from 'uuid';
import { UserError } from '../domain/errors.ts';
import { NO_FILTER } from '../feed/change-filter.ts';
import { decodeCursor, encodeCursor } from '../feed/cursor.ts';
import type { Feed } from '../feed/feed.ts';
import { followChanges } from '../feed/follow-changes.ts';
import { addNotices, openWebhook, resetWebhook } from '../store/add-notices.ts';
import { describeEnds, isJobEnd } from './job-notice.ts';

/** What ended longer ago is no news: a webhook that was switched off for a month is not told of the whole month. */
const NEWS_MS = 7 * 86_400_000;

/**
 * Makes the notices of a webhook: follows the event feed as any client does, with its cursor in the database. Ends with
 * the signal, or when another gateway was first and has moved the cursor; then call it again.
 *
 * @param onNotices called when there are new ones
 * @returns why the webhook had to begin anew, and may have missed something; null as a rule
 */
export async function collectNotices(
  feed: Feed,
  url: string,
  onNotices: () => void,
  signal: AbortSignal,
): Promise<string | null> {
  const { store } = feed;
  let from = await openWebhook(store, url, feed.headCursor());
  const wish = { filter: { ...NO_FILTER, jobsOnly: true }, after: decodeCursor(from), startAt: 'NOW' } as const;
  for await (const event of followChanges(feed, wish, signal)) {
    if (event instanceof UserError) {
      await resetWebhook(store, url, from, feed.headCursor());
      return event.message;
    }
    const newsSince = store.now().getTime() - NEWS_MS;
    const ends = event.changes.map(({ row }) => row).filter(isJobEnd);
    const news = ends.filter(({ at }) => at.getTime() >= newsSince);
    if (news.length === 0) continue;
    const to = encodeCursor(feed, event.position);
    const notices = (await describeEnds(store, news)).map((body) => ({ id: makeId(), body }));
    if (!(await addNotices(store, { url, from, to, notices }))) return null;
    from = to;
    onNotices();
  }
  return null;
}
