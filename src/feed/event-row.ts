import type { JobStatus } from '../domain/job-status.ts';
import type { StatusReason } from '../domain/status-reason.ts';
import type { TaskStatus } from '../domain/task-status.ts';
import type { EventPosition } from '../store/store.ts';

/** A stored event: one change of a job, or the same change of one or more tasks. */
export interface EventRow {
  readonly xid: string;
  readonly id: number;
  readonly jobId: string;
  readonly jobType: string;
  readonly submitter: string;
  readonly at: Date;
  readonly actor: string;
  readonly reason: StatusReason;
  readonly message: string | null;
  readonly kind: 'job' | 'task' | 'deletion';
  readonly from: JobStatus | TaskStatus | null;
  readonly to: JobStatus | TaskStatus | null;
  readonly firstSequence: number;
  /** Of the stored row; the arrays may hold only a part of them. */
  readonly changeCount: number;
  /** How many changes of the stored row come before the arrays' first one. */
  readonly skipped: number;
  readonly taskIds: readonly string[];
  readonly taskNames: readonly string[];
  /** 0 where no attempt is concerned. */
  readonly attemptNumbers: readonly number[];
}

/** Column list and names of an EventRow but for `skipped` and the arrays. */
export const EVENT_COLUMNS = `xid::text AS xid, id, job_id AS "jobId", job_type AS "jobType", submitter, at, actor, reason, message, kind,
  from_status AS "from", to_status AS "to", first_sequence AS "firstSequence", greatest(1, cardinality(task_ids)) AS "changeCount"`;

/** One change of a row: its number in the stored row, from 0. */
export interface StatusChange {
  readonly row: EventRow;
  readonly index: number;
}

/** Where a row ends: everything of it has been seen. */
export function endOf({ xid, id, changeCount }: EventRow): EventPosition {
  return { xid, id, offset: changeCount };
}

/** Where a change stands. */
export function positionOf({ row, index }: StatusChange): EventPosition {
  return { xid: row.xid, id: row.id, offset: index + 1 };
}
