import type { ClientBase, Pool } from 'pg';
import { type LoggedAttempt, readLogBytes } from './log-bytes.ts';
import { measurePiece, showHarmlessly } from './log-text.ts';

/** A piece of a log, as the API gives it. */
export interface LogPage {
  readonly attempt: LoggedAttempt;
  /** Where it begins: later than was asked for when what was there has been dropped. */
  readonly start: number;
  readonly text: string;
  /** The offset behind it, in stored bytes. */
  readonly next: number;
  /** Whether that is all there is. */
  readonly isCaughtUp: boolean;
  /** Whether the attempt has ended and nothing follows. */
  readonly hasEnded: boolean;
}

/** Bytes that are read beyond the piece, so that its last character is whole. */
const MARGIN = 8;

export async function readLogPage(
  client: ClientBase | Pool,
  attempt: LoggedAttempt,
  from: number,
  maxBytes: number,
): Promise<LogPage> {
  const { start, bytes } = await readLogBytes(client, attempt, from, from + maxBytes + MARGIN);
  const isOver = attempt.endedAt !== null;
  const isAll = start + bytes.length >= attempt.logBytes;
  const length = measurePiece(bytes, maxBytes, isOver && isAll);
  const next = start + length;
  // A last carriage return waits for what follows it.
  const isCaughtUp = isAll && bytes.length - length <= 1 && (length === bytes.length || bytes[length] === 0x0d);
  return {
    attempt,
    start,
    text: showHarmlessly(bytes.toString('utf8', 0, length)),
    next,
    isCaughtUp,
    hasEnded: isOver && next >= attempt.logBytes,
  };
}
