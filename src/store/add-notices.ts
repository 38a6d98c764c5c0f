import { query, type Statement } from './database.ts';
import type { Store } from './store.ts';

const OPEN: Statement = {
  name: 'open-webhook',
  text: `INSERT INTO webhook (url, cursor) VALUES ($1, $2)
    ON CONFLICT (url) DO UPDATE SET cursor = webhook.cursor RETURNING cursor`,
};
const RESET: Statement = {
  name: 'reset-webhook',
  text: 'UPDATE webhook SET cursor = $3 WHERE url = $1 AND cursor = $2',
};

/** The cursor moves and the notices appear together, or not at all: whichever gateway is first makes them. */
const ADD: Statement = {
  name: 'add-notices',
  text: `WITH moved AS (UPDATE webhook SET cursor = $3 WHERE url = $1 AND cursor = $2 RETURNING url),
    added AS (
      INSERT INTO notice (id, url, body, created_at, due_at)
      SELECT given.id, moved.url, given.body, $6, $6 FROM moved, unnest($4::uuid[], $5::text[]) AS given (id, body)
    )
    SELECT FROM moved`,
};

/**
 * A position in the event feed, as a client of the API has it, up to which notices have been made.
 *
 * @param cursor where a webhook begins that is new
 */
export async function openWebhook({ pool }: Store, url: string, cursor: string): Promise<string> {
  return (await query<{ cursor: string }>(pool, OPEN, [url, cursor])).rows[0]!.cursor;
}

/** Goes on elsewhere, unless another gateway has moved it already. */
export async function resetWebhook({ pool }: Store, url: string, from: string, to: string): Promise<void> {
  await query(pool, RESET, [url, from, to]);
}

export interface NewNotice {
  readonly id: string;
  readonly body: string;
}

export interface NoticeBatch {
  readonly url: string;
  /** The webhook's cursor before the notices, and behind them. */
  readonly from: string;
  readonly to: string;
  readonly notices: readonly NewNotice[];
}

/** @returns whether it is done; false when the webhook was not at `from` any more, because another gateway was first */
export async function addNotices({ pool, now }: Store, { url, from, to, notices }: NoticeBatch): Promise<boolean> {
  const values = [url, from, to, notices.map(({ id }) => id), notices.map(({ body }) => body), now()];
  return (await query(pool, ADD, values)).rowCount === 1;
}
