import type { ModelTask, State } from './state.ts';

/** The statuses in which a job and a task may stand between two transactions. */
export const JOB_RESTS = ['queued', 'active', 'completed', 'failed', 'cancel-requested', 'canceled'];
export const TASK_RESTS = ['queued', 'active', 'completed', 'soft-failed', 'failed', 'canceled'];
const FINISHED = ['completed', 'failed', 'canceled'];

/** What of the documented invariants does not hold in the state; null when all do. */
export function findBrokenInvariant(state: State): string | null {
  const { job, plan, tasks } = state;
  let active = 0;
  let claimable = 0;
  let open = 0;
  let completed = 0;
  for (let index = 0; index < tasks.length; index++) {
    const task = tasks[index]!;
    let waitsFor = 0;
    for (const id of plan.dependencies[index]!) if (tasks[id]!.status !== 'completed') waitsFor += 1;
    if (task.openDependencies !== waitsFor)
      return `task ${index + 1} has ${task.openDependencies} open dependencies, ${waitsFor} did not complete`;
    const broken = findBrokenTask(task, plan.maxAttempts);
    if (broken) return `task ${index + 1} ${broken}`;
    if (task.status === 'active') active += 1;
    if (task.status === 'completed') completed += 1;
    if (task.status === 'queued' || task.status === 'soft-failed') {
      open += 1;
      if (waitsFor === 0) claimable += 1;
    }
  }
  if (!JOB_RESTS.includes(job.status)) return `the job rests in ${job.status}`;
  if (FINISHED.includes(job.status)) {
    if (active > 0) return `the job is ${job.status} with an active task`;
    if (open > 0) return `the job is ${job.status} with a task that waits`;
    if (job.status === 'completed' && completed < tasks.length) return 'the job is completed, not all its tasks are';
    return null;
  }
  if (active === 0 && claimable === 0) return `nothing of the job can run, but it is ${job.status}`;
  if (job.status === 'queued' && active > 0) return 'the job is queued with an active task';
  if (job.status === 'cancel-requested') {
    if (open > 0) return 'the job is being canceled with a task that waits';
    if (active === 0) return 'the job is being canceled and nothing is to be waited for';
    const isLeft = (task: ModelTask) => task.status === 'active' && task.stop?.order !== 'CANCELED';
    if (tasks.some(isLeft)) return 'the job is being canceled with an active task that was not told to stop';
  }
  return null;
}

function findBrokenTask(task: ModelTask, maxAttempts: number): string | null {
  const { status, failedAttempts } = task;
  if (!TASK_RESTS.includes(status)) return `rests in ${status}`;
  if (failedAttempts < 0) return `has failed ${failedAttempts} times`;
  if (status === 'soft-failed' && failedAttempts === 0) return 'is soft-failed and never failed';
  if ((status === 'queued' || status === 'soft-failed' || status === 'active') && failedAttempts >= maxAttempts)
    return `goes on after ${failedAttempts} failures`;
  if (task.stop && status !== 'active') return `is ${status} with a stop order`;
  if (task.mayComeBack && status !== 'soft-failed') return `is ${status}, and its lost attempt may come back`;
  return null;
}
