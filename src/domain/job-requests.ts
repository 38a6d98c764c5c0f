import { JobTransitionError, type TransitionRefusal } from './errors.ts';
import { isJobRequest, isJobTransition, JOB_STATUS_NAMES, type JobStatus } from './job-status.ts';

/** What a user's request for a job status comes to. `pending`: it was asked for already, so nothing changes. */
export type RequestVerdict<Request> = { request: Request } | { pending: true } | { refusal: TransitionRefusal };

export type JobRequest = 'cancel' | 'requeue';

/** Which request a status stands for when a user asks for it by name. */
const REQUEST_BY_STATUS: Partial<Record<JobStatus, JobRequest>> = {
  'cancel-requested': 'cancel',
  canceled: 'cancel',
  queued: 'requeue',
  requeueing: 'requeue',
};

/** The hop that a request records. */
export const REQUEST_HOPS = { cancel: 'cancel-requested', requeue: 'requeueing' } as const satisfies Record<
  JobRequest,
  JobStatus
>;

/** Judges a user's wish that a job get the status `to`. Refusals in their documented order. */
export function judgeJobRequest(from: JobStatus, to: JobStatus): RequestVerdict<JobRequest> {
  const request = REQUEST_BY_STATUS[to];
  if (to === 'paused') return { refusal: 'NOT_IMPLEMENTED' };
  if (request === 'cancel' && from === 'cancel-requested') return { pending: true };
  if (request && isJobRequest(from, REQUEST_HOPS[request])) return { request };
  return { refusal: isJobTransition(from, to) ? 'SET_BY_GATEWAY_ONLY' : 'NOT_IN_TABLE' };
}

/** The statuses that a user may ask for now, in the table's order. */
export function requestableJobStatuses(from: JobStatus): JobStatus[] {
  return JOB_STATUS_NAMES.filter((to) => !('refusal' in judgeJobRequest(from, to)));
}

/** How each request is spelled in the API, for messages. */
const MUTATIONS: Record<JobRequest, string> = { cancel: 'cancelJob', requeue: 'requeueJob' };

/** The error for a refused request. `allowed` is what the same mutation would accept now. */
export function refuseJobRequest(
  job: { id: string; name: string; status: JobStatus },
  to: JobStatus,
  refusal: TransitionRefusal,
  allowed: readonly JobStatus[],
): JobTransitionError {
  const from = job.status;
  const doable = requestableJobStatuses(from).filter((status) => status === 'queued' || status === 'canceled');
  const hint =
    doable.length > 0
      ? `it can become: ${doable.map((status) => `${status} (${MUTATIONS[REQUEST_BY_STATUS[status]!]})`).join(', ')}`
      : 'there is nothing to ask for';
  const why: Record<TransitionRefusal, string> = {
    NOT_IMPLEMENTED: `the status ${to} is reserved and not implemented`,
    NOT_IN_TABLE: `${to} does not follow ${from}`,
    JOB_IS_STOPPING: 'it is being canceled',
    SET_BY_GATEWAY_ONLY: `only the gateway makes a job ${to}`,
  };
  return new JobTransitionError(`Job ${JSON.stringify(job.name)} is ${from}: ${why[refusal]}; ${hint}.`, job.id, {
    from,
    to,
    allowed,
    refusal,
  });
}
