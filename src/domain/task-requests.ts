import { TaskTransitionError, type TransitionRefusal } from './errors.ts';
import type { RequestVerdict } from './job-requests.ts';
import type { JobStatus } from './job-status.ts';
import { isTaskTransition, TASK_STATUS_NAMES, type TaskStatus } from './task-status.ts';

export type TaskRequest = 'cancel' | 'stop' | 'requeue' | 'give-up' | 'accept';

/** A task as far as a user's request depends on it. */
export interface RequestedTask {
  readonly status: TaskStatus;
  /** Whether its worker has been told to stop so that it ends canceled. */
  readonly isBeingCanceled: boolean;
}

/** The same with what its dependencies have to say: below a failed or canceled one there is nothing to requeue. */
export interface OfferedTask extends RequestedTask {
  readonly waitsInVain: boolean;
}

/** Judges a user's wish that a task get the status `to`. Refusals in their documented order. */
export function judgeTaskRequest(
  jobStatus: JobStatus,
  task: RequestedTask,
  to: TaskStatus,
): RequestVerdict<TaskRequest> {
  if (to === 'paused') return { refusal: 'NOT_IMPLEMENTED' };
  if (!isTaskTransition(task.status, to)) return { refusal: 'NOT_IN_TABLE' };
  if (to === 'canceled' && task.isBeingCanceled) return { pending: true };
  if (jobStatus === 'cancel-requested') return { refusal: 'JOB_IS_STOPPING' };
  if (to === 'canceled') return { request: task.status === 'active' ? 'stop' : 'cancel' };
  if (to === 'queued') return { request: 'requeue' };
  if (jobStatus === 'active' && task.status === 'soft-failed') {
    if (to === 'failed') return { request: 'give-up' };
    if (to === 'completed') return { request: 'accept' };
  }
  return { refusal: 'SET_BY_GATEWAY_ONLY' };
}

/** Whether a user may ask for it now and it would change something: what a button may offer. */
export function isTaskRequestOffered(jobStatus: JobStatus, task: OfferedTask, to: TaskStatus): boolean {
  const verdict = judgeTaskRequest(jobStatus, task, to);
  return 'request' in verdict && !(verdict.request === 'requeue' && task.waitsInVain);
}

/** The statuses that a user may ask for now, in the table's order: what is pending may be asked for again. */
export function requestableTaskStatuses(jobStatus: JobStatus, task: OfferedTask): TaskStatus[] {
  return TASK_STATUS_NAMES.filter(
    (to) => isTaskRequestOffered(jobStatus, task, to) || 'pending' in judgeTaskRequest(jobStatus, task, to),
  );
}

/** The error for a refused request. `allowed` is what the same mutation would accept now. */
export function refuseTaskRequest(
  job: { status: JobStatus },
  task: { id: string; name: string } & OfferedTask,
  to: TaskStatus,
  refusal: TransitionRefusal,
  allowed: readonly TaskStatus[],
): TaskTransitionError {
  const from = task.status;
  const why: Record<TransitionRefusal, string> = {
    NOT_IMPLEMENTED: `the status ${to} is reserved and not implemented`,
    NOT_IN_TABLE: `${to} does not follow ${from}`,
    JOB_IS_STOPPING: 'its job is being canceled',
    SET_BY_GATEWAY_ONLY: `only the gateway makes such a task ${to}`,
  };
  const doable = requestableTaskStatuses(job.status, task);
  const hint = doable.length > 0 ? `it can become: ${doable.join(', ')}` : 'there is nothing to ask for now';
  return new TaskTransitionError(`Task ${JSON.stringify(task.name)} is ${from}: ${why[refusal]}; ${hint}.`, task.id, {
    from,
    to,
    allowed,
    refusal,
  });
}
