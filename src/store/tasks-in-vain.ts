import type { Pool } from 'pg';
import { query, type Statement } from './database.ts';

const TASKS_IN_VAIN: Statement = {
  name: 'tasks-in-vain',
  text: `SELECT task.id FROM task WHERE task.id = ANY($1::uuid[]) AND task.open_dependencies > 0 AND EXISTS (
      SELECT FROM task_dependency JOIN task AS dependency ON dependency.id = task_dependency.depends_on_id
      WHERE task_dependency.task_id = task.id AND dependency.status IN ('failed', 'canceled'))`,
};

/** Those of the tasks that depend on a failed or canceled one. */
export async function readTasksInVain(pool: Pool, taskIds: readonly string[]): Promise<{ readonly id: string }[]> {
  return (await query<{ id: string }>(pool, TASKS_IN_VAIN, [taskIds])).rows;
}
