import type { Pool } from 'pg';
import { isRecordableJobChange, type JobStatus } from '../../src/domain/job-status.ts';
import { isTaskTransition, type TaskStatus } from '../../src/domain/task-status.ts';

interface EventRow {
  readonly job_id: string;
  readonly kind: string;
  readonly from_status: string | null;
  readonly to_status: string | null;
  readonly first_sequence: number;
  readonly task_ids: string[];
}

/** What is wrong with the recorded changes of all jobs: gaps, and changes that are no row of a table and no named hop. */
export async function findFeedFaults(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<EventRow>('SELECT * FROM event ORDER BY xid, id');
  const faults: string[] = [];
  const next = new Map<string, number>();
  const status = new Map<string, string>();
  for (const row of rows) {
    const expected = next.get(row.job_id) ?? 1;
    if (row.first_sequence !== expected)
      faults.push(`${row.job_id}: change ${row.first_sequence} follows where ${expected} was due`);
    next.set(row.job_id, row.first_sequence + Math.max(1, row.task_ids.length));
    const change = `${row.kind} ${row.from_status} → ${row.to_status}`;
    if (row.kind === 'job' && !isRecordableJobChange(row.from_status as JobStatus | null, row.to_status as JobStatus))
      faults.push(`${change} is not in the table`);
    if (row.kind === 'task' && !isTaskTransition(row.from_status as TaskStatus, row.to_status as TaskStatus))
      faults.push(`${change} is not in the table`);
    for (const id of row.kind === 'task' ? row.task_ids : [row.job_id]) {
      const before = status.get(id) ?? (row.kind === 'task' ? 'queued' : null);
      if (row.kind !== 'deletion' && before !== row.from_status) faults.push(`${change} of ${id}, which was ${before}`);
      if (row.to_status) status.set(id, row.to_status);
    }
  }
  return faults;
}
