import type { FarmWorker, TaskHistory, WantedWork } from '../domain/failure-policy.ts';
import { canDo } from '../domain/failure-policy.ts';
import { type JobStatus, mayRunTasks } from '../domain/job-status.ts';
import { explainMissingWorker } from '../domain/missing-worker.ts';
import { type Needs, needsOfType } from '../domain/needs.ts';
import { hasRoomForWorker, WAITING_REASONS, type WaitingReason, waitingReason } from '../domain/order-of-work.ts';
import type { TaskStatus } from '../domain/task-status.ts';
import { inOrderOf } from '../feed/read-together.ts';
import type { Job, JobQueue, Task, TaskFailure, WorkerBlock } from '../generated/prisma/client.ts';
import { listTriedTasks } from '../store/list-tasks.ts';
import type { Store } from '../store/store.ts';

type WaitingTask = Pick<Task, 'id' | 'type' | 'status' | 'openDependencies' | 'failedAttempts' | 'lastFailedAt'> & {
  readonly failures: readonly TaskFailure[];
};
type WaitingJob = Pick<Job, 'tasksActive' | 'maxWorkers' | 'workerTag' | 'needs'> & {
  readonly blocks: readonly WorkerBlock[];
};

/** Why a task waits at this moment; null when it does not. */
export function taskWaitingReason(
  task: WaitingTask,
  job: WaitingJob,
  farm: readonly FarmWorker[],
  store: Store,
): WaitingReason | null {
  const history: TaskHistory = {
    taskId: task.id,
    ...wantedWork(job, task.type),
    failedAttempts: task.failedAttempts,
    lastFailedAt: task.lastFailedAt,
    failureOf: (workerId) => task.failures.find((failure) => failure.workerId === workerId),
    blockedUntil: (workerId) =>
      job.blocks.find((block) => block.workerId === workerId && block.taskType === task.type)?.until,
  };
  const state = { ...history, status: task.status as TaskStatus, openDependencies: task.openDependencies };
  return waitingReason(job, state, farm, store.now(), store.retryDelayMs);
}

/** Tasks with a history are looked at one by one, and no job needs more of them for its reasons. */
const HISTORIES_AT_MOST = 200;

/** The claimable tasks of each job that failed before, with their failures; of as many as a job's reasons need. */
export async function readHistories(
  store: Store,
  jobIds: readonly string[],
): Promise<ReadonlyMap<string, readonly WaitingTask[]>> {
  const ofJobs = await listTriedTasks(store, jobIds, HISTORIES_AT_MOST);
  const ids = [...ofJobs.values()].flat();
  const tasks =
    ids.length === 0
      ? []
      : await store.prisma.task.findMany({ where: { id: { in: ids } }, include: { failures: true } });
  return new Map([...ofJobs].map(([jobId, ofJob]) => [jobId, inOrderOf(ofJob, tasks).filter((task) => task !== null)]));
}

/**
 * The distinct reasons for which a job's claimable tasks wait. From the counters alone, but for tasks with a history:
 * those are looked at, as many as `histories` holds.
 */
export function jobWaitingReasons(
  job: WaitingJob & Pick<Job, 'status' | 'tasksClaimable'> & { readonly queues: readonly JobQueue[] },
  histories: readonly WaitingTask[],
  farm: readonly FarmWorker[],
  store: Store,
): WaitingReason[] {
  if (job.tasksClaimable === 0 || !mayRunTasks(job.status as JobStatus)) return [];
  if (!hasRoomForWorker(job)) return ['WORKER_LIMIT'];
  const reasons = new Set<WaitingReason | null>(histories.map((task) => taskWaitingReason(task, job, farm, store)));
  for (const { taskType, claimable } of job.queues) {
    const withHistory = histories.filter((task) => task.type === taskType).length;
    if (claimable <= withHistory) continue;
    reasons.add(
      farm.some((worker) => canDo(worker, wantedWork(job, taskType))) ? 'ALL_WORKERS_BUSY' : 'NO_CAPABLE_WORKER',
    );
  }
  return (Object.keys(WAITING_REASONS) as WaitingReason[]).filter((reason) => reasons.has(reason));
}

/** For each task type of a job that no worker takes now: what is missing, in words. */
export function jobWaitingNotes(
  job: WaitingJob & Pick<Job, 'status' | 'tasksClaimable'> & { readonly queues: readonly JobQueue[] },
  farm: readonly FarmWorker[],
): string[] {
  if (job.tasksClaimable === 0 || !mayRunTasks(job.status as JobStatus) || !hasRoomForWorker(job)) return [];
  const waiting = job.queues.filter(({ claimable }) => claimable > 0);
  return waiting.flatMap(({ taskType }) => explainMissingWorker(wantedWork(job, taskType), farm) ?? []);
}

/** What a worker must be and have for a job's tasks of one type. */
export function wantedWork({ workerTag, needs }: Pick<Job, 'workerTag' | 'needs'>, taskType: string): WantedWork {
  return { taskType, workerTag, needs: needsOfType(needs as Needs, taskType) };
}
