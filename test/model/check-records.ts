import { type Action, isWorkerEvent } from './actions.ts';
import { RECORDABLE } from './documented-tables.ts';
import type { Step } from './model.ts';
import { taskId } from './plan.ts';
import type { ModelTask, State } from './state.ts';

/**
 * Replays the records: each a row or a named hop that starts where the one before it ended, numbered without a gap, with
 * a reason that such a change may have; and nothing has changed that they do not tell. What is wrong, or null.
 */
export function findWrongRecord(before: State, action: Action, { state, records }: Step): string | null {
  let job: string = before.job.status;
  const tasks: string[] = before.tasks.map(({ status }) => status);
  let sequence = before.job.sequence;
  for (const { kind, from, to, reason, firstSequence, tasks: changed } of records) {
    if (kind === 'deletion') return 'a deletion was recorded';
    if (firstSequence !== sequence + 1) return `a record begins with ${firstSequence} after ${sequence}`;
    sequence += kind === 'job' ? 1 : changed.length;
    const change = describeChange(from, to);
    if (!RECORDABLE[kind].has(change)) return `${kind} ${change} was recorded`;
    if (!mayHaveReason(kind, change, reason, isWorkerEvent(action)))
      return `${kind} ${change} has the reason ${reason}`;
    if (kind === 'job') {
      if (from !== job) return `job ${change} was recorded while it was ${job}`;
      job = to ?? '';
    }
    for (const { id } of changed) {
      const index = before.tasks.findIndex((_, candidate) => taskId(candidate) === id);
      if (from !== tasks[index]) return `task ${change} was recorded while it was ${tasks[index]}`;
      const order = before.tasks[index]?.stop ?? null;
      if (!isReasonOfOrder(change, reason, order))
        return `task ${change} has the reason ${reason} after ${order?.reason}`;
      tasks[index] = to ?? '';
    }
  }
  if (sequence !== state.job.sequence)
    return `the job's sequence is ${state.job.sequence}, its records end at ${sequence}`;
  if (job !== state.job.status) return `the job became ${state.job.status}, its records end at ${job}`;
  const silent = state.tasks.findIndex(({ status }, index) => status !== tasks[index]);
  if (silent >= 0)
    return `task ${silent + 1} became ${state.tasks[silent]?.status}, its records end at ${tasks[silent]}`;
  return null;
}

const descriptions = new Map<string | null, Map<string | null, string>>();

/** `from → to`. Remembered, for a walk describes the same few changes millions of times. */
export function describeChange(from: string | null, to: string | null): string {
  const known = descriptions.get(from)?.get(to);
  if (known !== undefined) return known;
  const text = `${from} → ${to}`;
  descriptions.set(from, (descriptions.get(from) ?? new Map()).set(to, text));
  return text;
}

// biome-ignore format: one change per line
const JOB_REASONS: Record<string, readonly string[]> = {
  'queued → active':             ['CLAIMED'],
  'queued → canceled':           ['FINISHED'],
  'active → completed':          ['FINISHED'],
  'active → canceled':           ['FINISHED'],
  'active → failed':             ['FINISHED'],
  'cancel-requested → canceled': ['FINISHED'],
  'queued → cancel-requested':   ['USER'],
  'active → cancel-requested':   ['USER'],
  'failed → cancel-requested':   ['USER'],
  'completed → requeueing':      ['USER'],
  'failed → requeueing':         ['USER'],
  'canceled → requeueing':       ['USER'],
  'requeueing → queued':         ['USER'],
};

const CLOSED = ['USER', 'JOB_CANCELED', 'JOB_FAILED', 'DEPENDENCY_UNFINISHED'];
const UNCOUNTED = ['HANDED_BACK', 'DEPENDENCY_REQUEUED'];
// biome-ignore format: one change per line
const TASK_REASONS: Record<string, readonly string[]> = {
  'queued → active':         ['CLAIMED', 'ATTEMPT_RESUMED'],
  'queued → canceled':       CLOSED,
  'active → completed':      ['FINISHED'],
  'active → canceled':       ['USER', 'JOB_CANCELED', 'JOB_FAILED'],
  'active → failed':         ['FAILED_ATTEMPT', 'TIMED_OUT', 'WORKER_LOST'],
  'active → soft-failed':    ['FAILED_ATTEMPT', 'TIMED_OUT', 'WORKER_LOST', ...UNCOUNTED],
  'completed → queued':      ['USER', 'DEPENDENCY_REQUEUED'],
  'soft-failed → queued':    ['CLAIMED', 'ATTEMPT_RESUMED', 'USER', ...UNCOUNTED],
  'soft-failed → completed': ['LATE_RESULT', 'USER'],
  'soft-failed → failed':    ['USER'],
  'soft-failed → canceled':  CLOSED,
  'failed → queued':         ['USER', 'DEPENDENCY_REQUEUED'],
  'failed → canceled':       ['USER'],
  'canceled → queued':       ['USER', 'DEPENDENCY_REQUEUED'],
};

/** A task that ends canceled has the reason of the order; one that was recalled and waits again has that of the recall. */
function isReasonOfOrder(change: string, reason: string, order: ModelTask['stop']): boolean {
  if (change === 'active → canceled') return reason === order?.reason;
  if (change !== 'active → soft-failed') return true;
  return order ? reason === order.reason : reason !== 'DEPENDENCY_REQUEUED';
}

/** A worker's event gives the reason USER only to a task that ends as a user ordered. */
export function mayHaveReason(kind: 'job' | 'task', change: string, reason: string, isEvent: boolean): boolean {
  if (isEvent && reason === 'USER' && change !== 'active → canceled') return false;
  return (kind === 'job' ? JOB_REASONS : TASK_REASONS)[change]?.includes(reason) ?? false;
}
