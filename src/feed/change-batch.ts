import type { EventPosition } from '../store/store.ts';
import type { EventRow, StatusChange } from './event-row.ts';

/** The most changes that one batch holds. */
export const MAX_BATCH = 1_000;

/** Changes that follow each other in a stream, and how far it has come with them. Without changes it is a bookmark. */
export interface ChangeBatch {
  readonly changes: readonly StatusChange[];
  /** Behind the last change, and behind what the filter left out after it. */
  readonly position: EventPosition;
  /** Set where the position was the end of the feed at that time. */
  readonly seenAt: Date | null;
}

export function isCaughtUp({ seenAt }: ChangeBatch): boolean {
  return seenAt !== null;
}

/** Adds at most `room` changes of a row, beginning at its change `from`; returns how far into the row that is. */
export function spread(row: EventRow, from: number, room: number, into: StatusChange[]): number {
  const held = row.kind === 'task' ? row.skipped + row.taskIds.length : 1;
  const end = Math.min(held, from + room);
  for (let index = from; index < end; index += 1) into.push({ row, index });
  return end;
}
