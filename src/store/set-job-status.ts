import { type Asker, cancelJob, requeueJob } from '../domain/job-actions.ts';
import {
  type JobRequest,
  judgeJobRequest,
  REQUEST_HOPS,
  refuseJobRequest,
  requestableJobStatuses,
} from '../domain/job-requests.ts';
import type { JobStatus } from '../domain/job-status.ts';
import { changeJob, type JobChange } from './change-job.ts';
import type { Store } from './store.ts';

/**
 * Asks for a job's status by name; `request` is the mutation that stands for one of them (cancelJob, requeueJob).
 *
 * @throws NotFoundError, JobTransitionError
 */
export function setJobStatus(
  store: Store,
  jobId: string,
  to: JobStatus | { request: JobRequest },
  asker: Asker,
): Promise<JobChange> {
  const target = typeof to === 'string' ? to : REQUEST_HOPS[to.request];
  return changeJob(store, jobId, (ledger, now) => {
    const { job } = ledger;
    const verdict = judgeJobRequest(job.status, target);
    if ('pending' in verdict) return;
    // cancelJob and requeueJob stand for one request: what they refuse, they accept in no other form.
    if ('refusal' in verdict)
      throw refuseJobRequest(
        job,
        target,
        verdict.refusal,
        typeof to === 'string' ? requestableJobStatuses(job.status) : [],
      );
    ({ cancel: cancelJob, requeue: requeueJob })[verdict.request](ledger, asker, now);
  });
}
