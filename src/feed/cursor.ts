import type { EventPosition } from '../store/store.ts';

/** Which database a cursor belongs to: a restored or copied one has another history. */
export interface FeedIdentity {
  /** A uuid stored in the database, the server's system identifier, the database's oid, the timeline. */
  readonly epoch: string;
}

/** An opaque position in the event feed: everything up to it has been seen. */
export function encodeCursor(identity: FeedIdentity, { xid, id, offset }: EventPosition): string {
  return Buffer.from(JSON.stringify([identity.epoch, xid, id, offset])).toString('base64url');
}
