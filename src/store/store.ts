import type { Pool } from 'pg';
import type { PrismaClient } from '../generated/prisma/client.ts';

/** What a committed transaction changed: enough to know who has to look again, and no rows. */
export interface CommittedChange {
  readonly jobIds: ReadonlySet<string>;
  /** Workers whose own state or orders changed. */
  readonly workerIds: ReadonlySet<string>;
  /** Whether idle workers may find something that was not there before. */
  readonly mayHaveWork: boolean;
}

/** What every verb of the store needs. Time and what happens after a commit come from outside. */
export interface Store {
  readonly pool: Pool;
  readonly prisma: PrismaClient;
  readonly now: () => Date;
  /** How long (ms) a session may stay silent before its attempts count as lost. */
  readonly leaseMs: number;
  /** The first back-off (ms) of a failed task. */
  readonly retryDelayMs: number;
  /** How much of an attempt's output is kept, in bytes. */
  readonly logLimitBytes: number;
  /** How many pictures of a job's frames are kept: the newest. */
  readonly picturesPerJob: number;
  /** Called after each commit. */
  readonly announce: (change: CommittedChange) => void;
}

/** Where a change stands in the event feed: the transaction, the row in it, and how many of the row's changes. */
export interface EventPosition {
  readonly xid: string;
  readonly id: number;
  readonly offset: number;
}
