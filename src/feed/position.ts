import type { EventPosition } from '../store/store.ts';

/** Before everything that ever happened. */
export const BEGINNING: EventPosition = { xid: '0', id: 0, offset: 0 };

/** Negative when `a` comes first. The order of the feed: transactions, rows in them, changes in those. */
export function comparePositions(a: EventPosition, b: EventPosition): number {
  return compareXids(a.xid, b.xid) || a.id - b.id || a.offset - b.offset;
}

/** Numbers of 64 bits as text, without leading zeros: the shorter one is smaller. */
function compareXids(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}
