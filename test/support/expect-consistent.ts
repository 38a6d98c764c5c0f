import type { Pool } from 'pg';
import { expect } from 'vitest';
import { mayHaveReason } from '../model/check-records.ts';
import { RECORDABLE } from '../model/documented-tables.ts';
import { type HistoryLine, readHistory } from './history.ts';

/** The counters of a job that count tasks, and what they count. */
const COUNTED = {
  tasks_total: 'true',
  tasks_queued: "status = 'queued'",
  tasks_active: "status = 'active'",
  tasks_completed: "status = 'completed'",
  tasks_soft_failed: "status = 'soft-failed'",
  tasks_failed: "status = 'failed'",
  tasks_canceled: "status = 'canceled'",
  tasks_canceled_by_failure: "status = 'canceled' AND status_reason = 'JOB_FAILED'",
  tasks_claimable: "status IN ('queued', 'soft-failed') AND open_dependencies = 0",
};
const SUMMED = {
  frames_total: 'sum(frame_count)',
  frames_done: 'sum(frames_done)',
  work_total: 'sum(greatest(1, frame_count))',
  work_done: 'sum(progress * greatest(1, frame_count))',
};
const recounts = [
  ...Object.entries(COUNTED).map(([name, condition]) => `count(*) FILTER (WHERE ${condition}) AS ${name}`),
  ...Object.entries(SUMMED).map(([name, sum]) => `${sum} AS ${name}`),
].join(', ');
const differs = Object.keys({ ...COUNTED, ...SUMMED })
  .map(
    (name) =>
      `CASE WHEN job.${name} <> counted.${name} THEN '${name} is ' || job.${name} || ' and not ' || counted.${name} || '. ' ELSE '' END`,
  )
  .join(' || ');

/** Each finds what must not be: the job and what is wrong with it. */
const FAULTS = [
  `SELECT job.id, ${differs} AS fault FROM job JOIN (SELECT job_id, ${recounts} FROM task GROUP BY job_id) counted ON counted.job_id = job.id`,
  `SELECT task.job_id, task.name || ' has ' || task.open_dependencies || ' open dependencies and not ' || counted.open
     FROM task CROSS JOIN LATERAL (SELECT count(*) AS open FROM task_dependency edge JOIN task dependency ON dependency.id = edge.depends_on_id
       WHERE edge.task_id = task.id AND dependency.status <> 'completed') counted WHERE counted.open <> task.open_dependencies`,
  `SELECT queue.job_id, queue.task_type || ': ' || queue.claimable || ' are claimable and not ' || counted.claimable
     FROM job_queue queue CROSS JOIN LATERAL (SELECT count(*) AS claimable FROM task WHERE task.job_id = queue.job_id AND task.type = queue.task_type
       AND ${COUNTED.tasks_claimable}) counted WHERE counted.claimable <> queue.claimable`,
  `SELECT task.job_id, task.name || ' is ' || task.status || ' with ' || live.count || ' live attempts'
     FROM task CROSS JOIN LATERAL (SELECT count(*) FROM attempt WHERE attempt.task_id = task.id AND ended_at IS NULL) live
     WHERE live.count <> (task.status = 'active')::integer`,
  `SELECT task.job_id, task.name || ' says wrongly whether it was told to stop' FROM task
     LEFT JOIN attempt ON attempt.task_id = task.id AND ended_at IS NULL WHERE (task.stop_requested_at IS NULL) <> (attempt.stop_order IS NULL)`,
  `SELECT task.job_id, task.name || ' has other attempts than 1 to ' || task.attempt_count
     FROM task CROSS JOIN LATERAL (SELECT count(*), coalesce(max(number), 0) AS newest FROM attempt WHERE attempt.task_id = task.id) made
     WHERE made.count <> task.attempt_count OR made.newest <> task.attempt_count`,
  `SELECT task.job_id, task.name || ' goes on after ' || failed_attempts || ' failures' FROM task JOIN job ON job.id = task.job_id
     WHERE task.status IN ('queued', 'soft-failed', 'active') AND failed_attempts >= max_attempts`,
  `SELECT job_id, name || ' is soft-failed and never failed' FROM task WHERE status = 'soft-failed' AND failed_attempts = 0`,
  `SELECT task.job_id, 'a finished job has a task that is ' || task.status FROM task JOIN job ON job.id = task.job_id
     WHERE job.status IN ('completed', 'failed', 'canceled') AND task.status IN ('queued', 'soft-failed', 'active')`,
  `SELECT id, 'the job rests in ' || status FROM job WHERE status IN ('under-construction', 'requeueing')`,
  `SELECT id, 'nothing of it can run, and it is ' || status FROM job
     WHERE status IN ('queued', 'active', 'cancel-requested') AND tasks_active = 0 AND (tasks_claimable = 0 OR status = 'cancel-requested')`,
  `SELECT id, 'a queued job has active or soft-failed tasks' FROM job WHERE status = 'queued' AND tasks_active + tasks_soft_failed > 0`,
  `SELECT id, 'a completed job has other tasks' FROM job WHERE status = 'completed' AND tasks_completed <> tasks_total`,
  `SELECT id, 'a job that is being canceled has tasks that wait' FROM job WHERE status = 'cancel-requested' AND tasks_queued + tasks_soft_failed > 0`,
  `SELECT id, 'finished_at is wrong' FROM job
     WHERE (finished_at IS NULL) = (status IN ('completed', 'failed', 'canceled')) AND status <> 'cancel-requested'`,
  `SELECT (array_agg(job_id))[1], worker.name || ' holds ' || count(*) || ' attempts and has ' || slots || ' slots'
     FROM attempt JOIN worker ON worker.id = worker_id WHERE ended_at IS NULL GROUP BY worker.id HAVING count(*) > slots`,
];
const AUDIT = FAULTS.map((sql) => `SELECT id, fault FROM (${sql}) AS found (id, fault) WHERE fault <> ''`).join(
  '\nUNION ALL ',
);

/** Fails when what is stored does not fit together: counters and rows, statuses and attempts, changes and statuses. */
export async function expectConsistent(pool: Pool): Promise<void> {
  expect([...(await findRowFaults(pool)), ...(await findRecordFaults(pool))]).toEqual([]);
}

/** What of the rows does not fit together. */
export async function findRowFaults(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ id: string; fault: string }>({ name: 'audit', text: AUDIT });
  return rows.map(({ id, fault }) => `job ${id}: ${fault}`);
}

/**
 * Replays the recorded changes in the order of the feed. Each must be a row of the tables or a named hop, with a reason
 * that it may have, numbered without a gap, and begin where the one before it ended; the last ones say what is stored.
 */
export async function findRecordFaults(pool: Pool, jobIds: readonly string[] | null = null): Promise<string[]> {
  const { rows: jobs } = await pool.query<{ id: string; isStored: boolean; status: string | null; sequence: number }>(
    `SELECT seen.job_id AS id, job.id IS NOT NULL AS "isStored", status, sequence
     FROM (SELECT DISTINCT job_id FROM event) seen LEFT JOIN job ON job.id = seen.job_id WHERE $1::uuid[] IS NULL OR seen.job_id = ANY($1)`,
    [jobIds],
  );
  const faults = await Promise.all(
    jobs.map(async ({ id, isStored, status, sequence }) => {
      const { rows: tasks } = await pool.query<{ id: string; status: string }>(
        'SELECT id, status FROM task WHERE job_id = $1',
        [id],
      );
      const history = await readHistory(pool, id);
      const { found, job, taskStatuses } = replay(history);
      if (isStored) {
        if (job !== status) found.push(`the job is ${status}, its changes end at ${job}`);
        if (history.length !== sequence)
          found.push(`the job counts ${sequence} changes, ${history.length} are recorded`);
        for (const task of tasks)
          if ((taskStatuses.get(task.id) ?? 'queued') !== task.status)
            found.push(`task ${task.id} is ${task.status}, its changes end at ${taskStatuses.get(task.id)}`);
      } else if (history.at(-1)?.kind !== 'deletion') found.push('it is gone, and its last change is no deletion');
      return found.map((fault) => `job ${id}: ${fault}`);
    }),
  );
  return faults.flat();
}

function replay(history: readonly HistoryLine[]) {
  const found: string[] = [];
  const taskStatuses = new Map<string, string>();
  let job: string | null = null;
  history.forEach(({ sequence, kind, what, taskId, from, to, reason }, index) => {
    if (sequence !== index + 1) found.push(`change ${sequence} is where ${index + 1} is due`);
    if (kind === 'deletion') {
      if (index !== history.length - 1 || reason !== 'USER')
        found.push('a deletion is the last change and has the reason USER');
      return;
    }
    const change = `${from} → ${to}`;
    const before = taskId ? (taskStatuses.get(taskId) ?? 'queued') : job;
    if (before !== from) found.push(`${what} ${change} is recorded where it was ${before}`);
    if (!isAllowed(kind, change, reason)) found.push(`${what} ${change} ${reason} is not documented`);
    if (taskId) taskStatuses.set(taskId, to!);
    else job = to;
  });
  return { found, job, taskStatuses };
}

/** The two changes that a submission records; the model begins after them. */
const BIRTH = ['null → under-construction', 'under-construction → queued'];

function isAllowed(kind: 'job' | 'task', change: string, reason: string): boolean {
  if (BIRTH.includes(change)) return kind === 'job' && reason === 'SUBMITTED';
  return RECORDABLE[kind].has(change) && mayHaveReason(kind, change, reason, false);
}
