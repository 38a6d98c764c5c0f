/** The documentation's two tables and its named hops, word for word: what the code's tables are held against. */
const JOB_TABLE = `
| under-construction | the job is being compiled into tasks | queued, active |
| queued | tasks are ready for workers | active, canceled |
| active | at least one task has been given to a worker | completed, canceled, failed |
| completed | every task completed | queued |
| failed | one or more tasks failed for good, after tries by different workers | queued, canceled |
| cancel-requested | a user asked to cancel; workers are being stopped | canceled |
| canceled | canceled by a user; nothing of it runs on any machine that the farm can reach | queued |
| requeueing | a user asked to requeue; tasks are being put back | queued |
| paused | reserved, not implemented | |
`;

const TASK_TABLE = `
| queued | ready for a worker | active, canceled |
| active | a worker is executing it | completed, canceled, failed, soft-failed |
| completed | executed successfully | queued |
| soft-failed | as queued, but a worker failed it before | queued, completed, failed, canceled |
| failed | failed for good, after tries by different workers | queued, canceled |
| canceled | canceled by a user, or because it can no longer run | queued |
| paused | reserved, not implemented | |
`;

export interface DocumentedStatus {
  readonly status: string;
  readonly meaning: string;
  readonly next: readonly string[];
}

export const DOCUMENTED_JOB_STATUSES = readTable(JOB_TABLE);
export const DOCUMENTED_TASK_STATUSES = readTable(TASK_TABLE);

/** What users ask for: these hops and the birth are the only recorded changes that are not table rows. */
export const DOCUMENTED_HOPS = [
  ['queued', 'cancel-requested'],
  ['active', 'cancel-requested'],
  ['failed', 'cancel-requested'],
  ['completed', 'requeueing'],
  ['failed', 'requeueing'],
  ['canceled', 'requeueing'],
] as const;

/** Rows of the table that are never recorded: a request's hop stands between, or nothing needs them. */
export const ROWS_NEVER_RECORDED = [
  'completed → queued',
  'failed → queued',
  'canceled → queued',
  'failed → canceled',
  'under-construction → active',
] as const;

const arrow = ([from, to]: readonly string[]) => `${from} → ${to}`;
const rowsOf = (table: readonly DocumentedStatus[]) =>
  table.flatMap(({ status, next }) => next.map((to) => arrow([status, to])));

/** What may be recorded of a job and of a task, as `from → to`. */
export const RECORDABLE = {
  job: new Set([...rowsOf(DOCUMENTED_JOB_STATUSES), ...DOCUMENTED_HOPS.map(arrow)]),
  task: new Set(rowsOf(DOCUMENTED_TASK_STATUSES)),
} as const;

function readTable(text: string): DocumentedStatus[] {
  return text
    .trim()
    .split('\n')
    .map((row) => row.split('|').map((cell) => cell.trim()))
    .map(([, status = '', meaning = '', next = '']) => ({ status, meaning, next: next.split(', ').filter(Boolean) }));
}
