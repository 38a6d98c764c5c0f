import { NotFoundError, UserError } from '../domain/errors.ts';
import type { Asker } from '../domain/job-actions.ts';
import type { TaskStatus } from '../domain/task-status.ts';
import { changeJob } from './change-job.ts';
import { query, type Statement } from './database.ts';
import { askForTask, type TaskChange, type TaskMutation } from './set-task-status.ts';
import type { Store } from './store.ts';

/** Nothing depends on a task with a higher index. */
const IN_ORDER: Statement = {
  name: 'tasks-in-dependency-order',
  text: 'SELECT id, job_id AS "jobId" FROM task WHERE id = ANY($1::uuid[]) ORDER BY job_id, index',
};

/**
 * Asks for the same status of many tasks, in the order of their dependencies; those of a job in one transaction, since
 * each reads the whole job. What an earlier one of them has changed already is left as it is. One result per id, in the order
 * of the ids.
 */
export async function setManyTaskStatuses(
  store: Store,
  taskIds: readonly string[],
  to: TaskStatus,
  asker: Asker,
  mutation: TaskMutation,
): Promise<(TaskChange | UserError)[]> {
  const { rows } = await query<{ id: string; jobId: string }>(store.pool, IN_ORDER, [taskIds]);
  const results = new Map<string, TaskChange | UserError>();
  for (const [jobId, tasks] of Map.groupBy(rows, (row) => row.jobId)) {
    const ids = tasks.map(({ id }) => id);
    for (const [id, result] of await askForTasks(store, jobId, ids, to, asker, mutation)) results.set(id, result);
  }
  const seen = new Set<string>();
  return taskIds.map((id) => {
    const result = results.get(id) ?? new NotFoundError('task', id);
    const isRepeated = seen.has(id);
    seen.add(id);
    return isRepeated && !(result instanceof UserError) ? { ...result, changed: false } : result;
  });
}

async function askForTasks(
  store: Store,
  jobId: string,
  taskIds: readonly string[],
  to: TaskStatus,
  asker: Asker,
  mutation: TaskMutation,
): Promise<Map<string, TaskChange | UserError>> {
  const answers = new Map<string, boolean | UserError>();
  try {
    const change = await changeJob(store, jobId, (ledger, now) => {
      const before = new Map([...ledger.tasks.values()].map(({ id, status }) => [id, status]));
      for (const id of taskIds) {
        const task = ledger.tasks.get(id);
        const isMoved = task?.status !== before.get(id);
        answers.set(id, isMoved ? false : orRefusal(() => askForTask(ledger, id, to, asker, mutation, now)));
      }
    });
    return new Map(
      [...answers].map(([taskId, answer]) => [
        taskId,
        answer instanceof UserError ? answer : { ...change, taskId, changed: answer },
      ]),
    );
  } catch (error) {
    // The job was deleted meanwhile, and its tasks with it.
    if (error instanceof NotFoundError) return new Map();
    throw error;
  }
}

/** A refusal comes before anything is changed, so the next one finds all as it was. */
function orRefusal(ask: () => boolean): boolean | UserError {
  try {
    return ask();
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}
