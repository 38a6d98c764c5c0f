/** What tests read of the exact feed. */
export interface Change {
  readonly __typename: string;
  readonly cursor: string;
  readonly sequence: number;
  readonly jobId: string;
  readonly reason: string;
  readonly jobFrom?: string | null;
  readonly jobTo?: string;
  readonly taskName?: string;
  readonly taskTo?: string;
}
export interface Batch {
  readonly __typename: string;
  readonly cursor: string;
  readonly caughtUp: boolean;
  readonly changes: Change[];
  readonly code?: string;
  readonly message?: string;
  readonly id?: string;
  readonly oldestCursor?: string;
}

export const BATCH = `__typename
  ... on StatusChangeBatch { cursor caughtUp changes { __typename cursor sequence jobId reason
    ... on JobStatusChange { jobFrom jobTo } ... on TaskStatusChange { taskName taskTo } } }
  ... on Error { code message } ... on NotFoundError { id } ... on CursorExpiredError { oldestCursor }`;

export const STATUS_CHANGES = `subscription ($jobId: ID, $filter: StatusChangeFilter, $after: Cursor, $startAt: FeedStart! = NOW) {
  statusChanges(jobId: $jobId, filter: $filter, after: $after, startAt: $startAt) { ${BATCH} } }`;

export const STATUS_CHANGES_ONCE = `query ($jobId: ID, $filter: StatusChangeFilter, $after: Cursor, $startAt: FeedStart! = OLDEST, $first: Int! = 500) {
  statusChanges(jobId: $jobId, filter: $filter, after: $after, startAt: $startAt, first: $first) { ${BATCH} } }`;

/** The numbers of a job's changes, in the order in which they came. */
export function sequencesOf(changes: readonly Change[], jobId: string): number[] {
  return changes.filter((change) => change.jobId === jobId).map(({ sequence }) => sequence);
}

/** 1…n */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}
