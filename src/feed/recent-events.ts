import type { EventPosition } from '../store/store.ts';
import { type EventRow, endOf } from './event-row.ts';
import { comparePositions } from './position.ts';

/**
 * The newest part of the log, in memory and of bounded size. Whoever reads the feed reads here, at their own pace and
 * without a buffer of their own; who falls behind its beginning reads the log.
 */
export class RecentEvents {
  /** Nothing behind it and up to `head` is missing here. */
  start: EventPosition;
  head: EventPosition;
  private rows: EventRow[] = [];
  /** The number of the first row that is still here; each row ever added has one. */
  private firstNumber = 0;
  private changes = 0;
  private readonly maxChanges: number;

  constructor(head: EventPosition, maxChanges: number) {
    this.start = head;
    this.head = head;
    this.maxChanges = maxChanges;
  }

  /** The number that the next row will have. */
  get end(): number {
    return this.firstNumber + this.rows.length;
  }

  row(number: number): EventRow {
    return this.rows[number - this.firstNumber]!;
  }

  add(rows: readonly EventRow[]): void {
    for (const row of rows) {
      this.rows.push(row);
      this.changes += row.changeCount;
    }
    const last = rows.at(-1);
    if (last) this.head = endOf(last);
    let dropped = 0;
    while (this.changes > this.maxChanges && dropped < this.rows.length - 1) {
      this.changes -= this.rows[dropped]!.changeCount;
      dropped += 1;
    }
    if (dropped === 0) return;
    this.start = endOf(this.rows[dropped - 1]!);
    this.rows.splice(0, dropped);
    this.firstNumber += dropped;
  }

  /** Whether everything behind the position is here. */
  holds(position: EventPosition): boolean {
    return comparePositions(position, this.start) >= 0;
  }

  /** The first row that is not wholly behind the position, by number, and how many of its changes are. */
  find(position: EventPosition): { number: number; offset: number } {
    let low = 0;
    let high = this.rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (comparePositions(endOf(this.rows[middle]!), position) > 0) high = middle;
      else low = middle + 1;
    }
    const row = this.rows[low];
    const isInside = row !== undefined && row.xid === position.xid && row.id === position.id;
    return { number: this.firstNumber + low, offset: isInside ? position.offset : 0 };
  }
}
