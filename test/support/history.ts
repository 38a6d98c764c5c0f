import type { Pool } from 'pg';

/** One recorded change of a job or of one of its tasks. */
export interface HistoryLine {
  readonly sequence: number;
  /** `job`, `deletion`, or the task's name. */
  readonly what: string;
  readonly kind: 'job' | 'task' | 'deletion';
  readonly taskId: string | null;
  readonly from: string | null;
  readonly to: string | null;
  readonly reason: string;
  readonly actor: string;
  readonly message: string | null;
  readonly attemptNumber: number;
}

/** A job's changes in the order of the feed, one line per change. */
export async function readHistory(pool: Pool, jobId: string, afterSequence = 0): Promise<HistoryLine[]> {
  const { rows } = await pool.query<
    Omit<HistoryLine, 'sequence' | 'what'> & { firstSequence: number; taskName: string | null; offset: string }
  >(
    `SELECT kind, from_status AS "from", to_status AS "to", reason, actor, message, first_sequence AS "firstSequence",
       task.id AS "taskId", task.name AS "taskName", coalesce(task.number, 0) AS "attemptNumber", coalesce(task.position, 1) AS "offset"
     FROM event LEFT JOIN LATERAL unnest(task_ids, task_names, attempt_numbers) WITH ORDINALITY AS task (id, name, number, position) ON true
     WHERE job_id = $1 AND first_sequence + greatest(1, cardinality(task_ids)) - 1 > $2 ORDER BY xid, event.id, task.position`,
    [jobId, afterSequence],
  );
  return rows.map(({ firstSequence, taskName, offset, ...line }) => ({
    ...line,
    sequence: firstSequence + Number(offset) - 1,
    what: taskName ?? line.kind,
  }));
}
