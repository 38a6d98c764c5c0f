import type { ClientBase } from 'pg';
import type { FarmWorker } from '../domain/failure-policy.ts';
import { type LedgerTask, ledgerKey } from '../domain/job-ledger.ts';
import type { Turn } from '../domain/order-of-work.ts';
import { query, type Statement } from './database.ts';
import { type Ledgers, TASK_COLUMNS } from './ledger-rows.ts';

/**
 * The jobs whose turn it may be, read without a lock: they are locked next and looked at again. Off an index that holds
 * only what can be claimed now (with 100,000 unclaimable rows in it claims fell from 6,158 to 102 a second).
 */
const CANDIDATE_JOBS: Statement = {
  name: 'claim-candidate-jobs',
  text: `SELECT DISTINCT job.id, job.priority, job.tasks_active AS "tasksActive", job.created_at AS "createdAt"
    FROM job_queue queue JOIN job ON job.id = queue.job_id
    WHERE queue.claimable > 0 AND queue.task_type = ANY($1::text[]) AND job.status IN ('queued', 'active')
      AND (job.max_workers IS NULL OR job.tasks_active < job.max_workers)
      AND (job.worker_tag IS NULL OR job.worker_tag = ANY($2::text[]))
      AND (job.needs = '{}' OR coalesce(job.needs -> queue.task_type, '[]') <@ $3::jsonb)
      AND job.id <> ALL($4::uuid[])
    ORDER BY job.priority DESC, job.tasks_active, job.created_at, job.id LIMIT $5`,
};

/**
 * The next claimable tasks of each type of each locked job, after the index that was read before. Type by type, for only so
 * are they read in the index's own order: with `type = ANY(…)` a job of 1,000 tasks was read and sorted whole (measured
 * for 20 of them in a fresh database: 23 ms instead of 0.7 ms).
 */
const CANDIDATE_TASKS: Statement = {
  name: 'claim-candidate-tasks',
  text: `SELECT task.* FROM unnest($1::uuid[], $2::integer[]) AS wanted (job_id, after_index) CROSS JOIN unnest($3::text[]) AS wanted_type (type)
    CROSS JOIN LATERAL (
      SELECT ${TASK_COLUMNS}
      FROM task
      WHERE task.job_id = wanted.job_id AND task.type = wanted_type.type AND task.open_dependencies = 0
        AND task.status IN ('queued', 'soft-failed') AND task.index > wanted.after_index
      ORDER BY task.index LIMIT $4
    ) AS task`,
};

export async function findCandidateJobs(
  client: ClientBase,
  { taskTypes, tags, offers }: Pick<FarmWorker, 'taskTypes' | 'tags' | 'offers'>,
  except: readonly string[],
  limit: number,
): Promise<Turn[]> {
  const values = [taskTypes, tags, JSON.stringify(offers), except, limit];
  return (await query<Turn>(client, CANDIDATE_JOBS, values)).rows;
}

/**
 * Adds up to `limit` claimable tasks of each type to each ledger.
 *
 * @returns the tasks, and up to which index each job's are known now: Infinity when all are.
 */
export async function fillClaimableTasks(
  client: ClientBase,
  ledgers: Ledgers,
  after: ReadonlyMap<string, number>,
  taskTypes: readonly string[],
  limit: number,
): Promise<{ tasks: LedgerTask[]; upTo: ReadonlyMap<string, number> }> {
  const ids = [...ledgers.keys()];
  const { rows } = await query<LedgerTask & { jobId: string }>(client, CANDIDATE_TASKS, [
    ids,
    ids.map((id) => after.get(id) ?? -1),
    [...new Set(taskTypes)],
    limit,
  ]);
  const upTo = new Map(ids.map((id) => [id, Number.POSITIVE_INFINITY]));
  const counts = new Map<string, number>();
  for (const task of rows) {
    ledgers.get(task.jobId)!.addTask(task);
    const key = ledgerKey(task.jobId, task.type);
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    // A full page: beyond its last task there may be more of the type.
    if (count === limit) upTo.set(task.jobId, Math.min(upTo.get(task.jobId)!, task.index));
  }
  return { tasks: rows, upTo };
}
