import { UserError } from '../domain/errors.ts';
import type { Asker } from '../domain/job-actions.ts';
import type { TaskStatus } from '../domain/task-status.ts';
import { newestPosition } from './change-job.ts';
import { inTransaction, query, type Statement } from './database.ts';
import { setTaskStatus, type TaskChange, type TaskMutation } from './set-task-status.ts';
import type { Store } from './store.ts';

/** Nothing depends on a task with a higher index. */
const IN_ORDER: Statement = {
  name: 'tasks-in-dependency-order',
  text: 'SELECT id, job_id AS "jobId" FROM task WHERE id = ANY($1::uuid[]) ORDER BY job_id, index',
};

/**
 * Asks for the same status of many tasks, in the order of their dependencies, each in a transaction of its own. What an
 * earlier one of them has changed already is left as it is. One result per id, in the order of the ids.
 */
export async function setManyTaskStatuses(
  store: Store,
  taskIds: readonly string[],
  to: TaskStatus,
  asker: Asker,
  mutation: TaskMutation,
): Promise<(TaskChange | UserError)[]> {
  const { rows } = await query<{ id: string; jobId: string }>(store.pool, IN_ORDER, [taskIds]);
  const jobs = new Map(rows.map(({ id, jobId }) => [id, jobId]));
  const results = new Map<string, TaskChange | UserError>();
  const moved = new Set<string>();
  for (const id of new Set([...jobs.keys(), ...taskIds])) {
    const jobId = jobs.get(id);
    const result =
      jobId && moved.has(id) ? await leaveAsItIs(store, jobId, id) : await tryToSet(store, id, to, asker, mutation);
    results.set(id, result);
    if (!(result instanceof UserError)) for (const other of result.movedTaskIds) moved.add(other);
  }
  return taskIds.map((id, index) => {
    const result = results.get(id)!;
    return taskIds.indexOf(id) === index || result instanceof UserError ? result : { ...result, changed: false };
  });
}

async function tryToSet(store: Store, id: string, to: TaskStatus, asker: Asker, mutation: TaskMutation) {
  try {
    return await setTaskStatus(store, id, to, asker, mutation);
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}

async function leaveAsItIs(store: Store, jobId: string, taskId: string): Promise<TaskChange> {
  const position = await inTransaction(store.pool, (client) => newestPosition(client, jobId));
  return { jobId, taskId, position, changed: false, movedTaskIds: [] };
}
