import type { EventPosition } from '../store/store.ts';

/** Which history a cursor belongs to: a restored, copied or promoted database has another one. */
export interface FeedIdentity {
  /** Stands for the stored uuid, the server's system identifier, the database's oid and the timeline: see feed-identity.ts. */
  readonly epoch: string;
}

export interface EventCursor {
  readonly stream: 'events';
  readonly epoch: string;
  readonly position: EventPosition;
  /** When the position was the end of the feed; null when it is that of a stored event, whose own time counts. */
  readonly seenAt: Date | null;
}

export interface LogCursor {
  readonly stream: 'log';
  readonly epoch: string;
  readonly attemptId: string;
  /** Bytes of the stored log that have been seen. */
  readonly offset: number;
}

/** No cursor of ours is longer: nothing longer is looked at. */
const MAX_LENGTH = 200;
const EPOCH = '[\\w-]{16}';
const EVENT = new RegExp(`^e\\.(${EPOCH})\\.(\\d{1,20})\\.(\\d{1,15})\\.(\\d{1,7})(?:\\.(\\d{1,15}))?$`);
const LOG = new RegExp(`^l\\.(${EPOCH})\\.([0-9a-f-]{36})\\.(\\d{1,15})$`);
const MAX_XID = 2n ** 64n - 1n;

/** An opaque position in the event feed: everything up to it has been seen. */
export function encodeCursor(
  { epoch }: FeedIdentity,
  { xid, id, offset }: EventPosition,
  seenAt: Date | null = null,
): string {
  const text = `e.${epoch}.${xid}.${id}.${offset}`;
  return wrap(seenAt ? `${text}.${seenAt.getTime()}` : text);
}

/** An opaque position in the log of one attempt. */
export function encodeLogCursor({ epoch }: FeedIdentity, attemptId: string, offset: number): string {
  return wrap(`l.${epoch}.${attemptId}.${offset}`);
}

/** What a cursor says; null when it is none. Whether it still holds is another question: see check-cursor.ts. */
export function decodeCursor(cursor: string): EventCursor | LogCursor | null {
  if (cursor.length > MAX_LENGTH) return null;
  const text = Buffer.from(cursor, 'base64url').toString('latin1');
  const log = LOG.exec(text);
  if (log) return { stream: 'log', epoch: log[1]!, attemptId: log[2]!, offset: Number(log[3]) };
  const event = EVENT.exec(text);
  if (!event || BigInt(event[2]!) > MAX_XID) return null;
  return {
    stream: 'events',
    epoch: event[1]!,
    position: { xid: String(BigInt(event[2]!)), id: Number(event[3]), offset: Number(event[4]) },
    seenAt: event[5] === undefined ? null : new Date(Number(event[5])),
  };
}

function wrap(text: string): string {
  return Buffer.from(text, 'latin1').toString('base64url');
}
