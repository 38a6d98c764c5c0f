import type { EventRow } from './event-row.ts';

/** Which changes a stream is about. Null: whatever it is. */
export interface ChangeFilter {
  readonly jobId: string | null;
  readonly submitter: string | null;
  readonly jobTypes: readonly string[] | null;
  /** Without the changes of tasks. */
  readonly jobsOnly: boolean;
}

/** Everything. */
export const NO_FILTER: ChangeFilter = { jobId: null, submitter: null, jobTypes: null, jobsOnly: false };

/** The last change of a job belongs to each stream of that job: it is what ends it. read-changes.ts says the same in SQL. */
export function isWanted(row: EventRow, filter: ChangeFilter): boolean {
  if (filter.jobId !== null && row.jobId !== filter.jobId) return false;
  if (filter.jobId !== null && row.kind === 'deletion') return true;
  if (filter.jobsOnly && row.kind === 'task') return false;
  if (filter.submitter !== null && row.submitter !== filter.submitter) return false;
  return filter.jobTypes === null || filter.jobTypes.includes(row.jobType);
}

/** The same text for filters that want the same. */
export function keyOfFilter({ jobId, submitter, jobTypes, jobsOnly }: ChangeFilter): string {
  return JSON.stringify([jobId, submitter, jobTypes && [...new Set(jobTypes)].sort(), jobsOnly]);
}
