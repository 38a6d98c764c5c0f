import type { ClientBase, QueryResultRow } from 'pg';
import {
  JobLedger,
  type LedgerAttempt,
  type LedgerBlock,
  type LedgerFailure,
  type LedgerJob,
  type LedgerTask,
  ledgerKey,
} from '../domain/job-ledger.ts';
import { query, type Statement } from './database.ts';

/*
 * Reads what a ledger holds. All of it happens under the locks of the jobs concerned. Column aliases are the ledger's
 * names; a job's and a task's big columns (settings, commands) stay where they are.
 */

const JOB_COLUMNS = `
  id, name, type, submitter, priority, max_workers AS "maxWorkers", worker_tag AS "workerTag", needs, max_attempts AS "maxAttempts",
  failure_limit_percent AS "failureLimitPercent", created_at AS "createdAt", status, status_reason AS "statusReason", error, sequence,
  tasks_total AS "tasksTotal", tasks_queued AS "tasksQueued", tasks_active AS "tasksActive", tasks_completed AS "tasksCompleted",
  tasks_soft_failed AS "tasksSoftFailed", tasks_failed AS "tasksFailed", tasks_canceled AS "tasksCanceled",
  tasks_canceled_by_failure AS "tasksCanceledByFailure", tasks_claimable AS "tasksClaimable", frames_total AS "framesTotal",
  frames_done AS "framesDone", work_total AS "workTotal", work_done AS "workDone", recent_frame_seconds AS "recentFrameSeconds", latest_output_id AS "latestOutputId",
  started_at AS "startedAt", finished_at AS "finishedAt"`;

export const TASK_COLUMNS = `
  task.job_id AS "jobId", task.id, task.index, task.name, task.type, task.status, task.status_reason AS "statusReason", task.frame_count AS "frameCount",
  task.frames_done AS "framesDone", task.open_dependencies AS "openDependencies", task.failed_attempts AS "failedAttempts",
  task.last_failed_at AS "lastFailedAt", task.attempt_count AS "attemptCount", task.progress, task.activity,
  task.stop_requested_at AS "stopRequestedAt", task.renders_anew AS "rendersAnew", task.worker_id AS "workerId"`;

export const ATTEMPT_COLUMNS = `
  attempt.job_id AS "jobId", attempt.id, attempt.task_id AS "taskId", attempt.number, attempt.worker_id AS "workerId",
  attempt.session_number AS "sessionNumber", attempt.token, attempt.started_at AS "startedAt", attempt.last_output_at AS "lastOutputAt",
  attempt.ended_at AS "endedAt", attempt.outcome, attempt.failure_kind AS "failureKind", attempt.failure_message AS "failureMessage",
  attempt.failure_exit_code AS "failureExitCode", attempt.report_sequence AS "reportSequence", attempt.stop_order AS "stopOrder",
  attempt.stop_reason AS "stopReason", attempt.stop_requested_by AS "stopRequestedBy", attempt.stop_comment AS "stopComment",
  attempt.stop_sent_at AS "stopSentAt"`;

const JOBS: Statement = { name: 'ledger-jobs', text: `SELECT ${JOB_COLUMNS} FROM job WHERE id = ANY($1::uuid[])` };
const TASKS: Statement = { name: 'ledger-tasks', text: `SELECT ${TASK_COLUMNS} FROM task WHERE id = ANY($1::uuid[])` };
const ALL_TASKS: Statement = {
  name: 'ledger-all-tasks',
  text: `SELECT ${TASK_COLUMNS} FROM task WHERE job_id = $1 ORDER BY index`,
};
const ALL_EDGES: Statement = {
  name: 'ledger-all-edges',
  text: 'SELECT task_id AS "taskId", depends_on_id AS "dependsOnId" FROM task_dependency WHERE job_id = $1',
};
const LIVE_ATTEMPTS: Statement = {
  name: 'ledger-live-attempts',
  text: `SELECT ${ATTEMPT_COLUMNS} FROM attempt WHERE job_id = $1 AND ended_at IS NULL`,
};
const ATTEMPTS: Statement = {
  name: 'ledger-attempts',
  text: `SELECT ${ATTEMPT_COLUMNS} FROM attempt WHERE token = ANY($1::uuid[])
         UNION SELECT ${ATTEMPT_COLUMNS} FROM attempt WHERE worker_id = ANY($2::uuid[]) AND ended_at IS NULL`,
};
const DEPENDENTS: Statement = {
  name: 'ledger-dependents',
  text: `SELECT ${TASK_COLUMNS}, edge.depends_on_id AS "dependsOnId"
         FROM task_dependency edge JOIN task ON task.id = edge.task_id WHERE edge.depends_on_id = ANY($1::uuid[])`,
};
const FAILURES_OF_WORKERS: Statement = {
  name: 'ledger-failures-of-workers',
  text: `SELECT job_id AS "jobId", task_id AS "taskId", worker_id AS "workerId", task_type AS "taskType", failures, losses, failed_at AS "failedAt",
         handed_back_at AS "handedBackAt" FROM task_failure WHERE job_id = ANY($1::uuid[]) AND worker_id = ANY($2::uuid[])`,
};
const FAILURES_OF_TASKS: Statement = {
  name: 'ledger-failures-of-tasks',
  text: `SELECT job_id AS "jobId", task_id AS "taskId", worker_id AS "workerId", task_type AS "taskType", failures, losses, failed_at AS "failedAt",
         handed_back_at AS "handedBackAt" FROM task_failure WHERE task_id = ANY($1::uuid[])`,
};
const BLOCKS: Statement = {
  name: 'ledger-blocks',
  text: 'SELECT job_id AS "jobId", worker_id AS "workerId", task_type AS "taskType", until FROM worker_block WHERE job_id = ANY($1::uuid[])',
};

type OfJob<Row> = Row & { readonly jobId: string };
export type Ledgers = Map<string, JobLedger>;
/** An attempt as read, with the job that it belongs to. */
export type AttemptRow = OfJob<LedgerAttempt>;

async function read<Row extends QueryResultRow>(
  client: ClientBase,
  statement: Statement,
  values: unknown[],
): Promise<Row[]> {
  return (await query<Row>(client, statement, values)).rows;
}

/** Ledgers of the jobs that exist, without tasks. */
export async function openLedgers(client: ClientBase, jobIds: Iterable<string>): Promise<Ledgers> {
  const ids = [...new Set(jobIds)];
  if (ids.length === 0) return new Map();
  const jobs = await read<LedgerJob & QueryResultRow>(client, JOBS, [ids]);
  return new Map(jobs.map((job) => [job.id, new JobLedger(job)]));
}

/** A ledger that holds the whole job: every task, every edge, every live attempt. Null when the job does not exist. */
export async function openWholeLedger(client: ClientBase, jobId: string): Promise<JobLedger | null> {
  const ledger = (await openLedgers(client, [jobId])).get(jobId);
  if (!ledger) return null;
  await fillAllTasks(client, ledger);
  return ledger;
}

/** Adds what a ledger does not hold yet of its job. */
export async function fillAllTasks(client: ClientBase, ledger: JobLedger): Promise<void> {
  const { id } = ledger.job;
  for (const task of await read<OfJob<LedgerTask>>(client, ALL_TASKS, [id])) ledger.addTask(task);
  for (const attempt of await read<AttemptRow>(client, LIVE_ATTEMPTS, [id])) ledger.addAttempt(attempt);
  ledger.dependents.clear();
  for (const edge of await read<{ taskId: string; dependsOnId: string }>(client, ALL_EDGES, [id]))
    addDependent(ledger, edge.dependsOnId, edge.taskId);
  ledger.declareAllTasksHeld();
}

export async function fillTasks(client: ClientBase, ledgers: Ledgers, taskIds: Iterable<string>): Promise<void> {
  const ids = [...new Set(taskIds)];
  if (ids.length === 0) return;
  for (const task of await read<OfJob<LedgerTask>>(client, TASKS, [ids])) ledgers.get(task.jobId)?.addTask(task);
}

/** Adds the tasks that wait for these ones: their counters move when these are completed. */
export async function fillDependents(client: ClientBase, ledgers: Ledgers, taskIds: Iterable<string>): Promise<void> {
  const ids = [...new Set(taskIds)];
  if (ids.length === 0) return;
  for (const { dependsOnId, ...task } of await read<OfJob<LedgerTask> & { dependsOnId: string }>(client, DEPENDENTS, [
    ids,
  ])) {
    const ledger = ledgers.get(task.jobId);
    if (!ledger) continue;
    ledger.addTask(task);
    addDependent(ledger, dependsOnId, task.id);
  }
}

/** The attempts with these tokens, and the live ones of these workers. */
export function readAttempts(
  client: ClientBase,
  tokens: readonly string[],
  workerIds: readonly string[],
): Promise<AttemptRow[]> {
  return read<AttemptRow>(client, ATTEMPTS, [tokens, workerIds]);
}

/** Adds the failure records by which a new failure of these workers may earn them a block. */
export async function fillFailuresOfWorkers(
  client: ClientBase,
  ledgers: Ledgers,
  jobIds: readonly string[],
  workerIds: readonly string[],
): Promise<void> {
  if (jobIds.length === 0) return;
  addFailures(ledgers, await read<OfJob<LedgerFailure>>(client, FAILURES_OF_WORKERS, [jobIds, workerIds]));
}

/** Adds the failure records of these tasks, and the blocks of their jobs: what a claim is judged by. */
export async function fillFailuresOfTasks(
  client: ClientBase,
  ledgers: Ledgers,
  taskIds: readonly string[],
): Promise<void> {
  addFailures(ledgers, await read<OfJob<LedgerFailure>>(client, FAILURES_OF_TASKS, [taskIds]));
}

export async function fillBlocks(client: ClientBase, ledgers: Ledgers): Promise<void> {
  for (const block of await read<OfJob<LedgerBlock>>(client, BLOCKS, [[...ledgers.keys()]])) {
    const blocks = ledgers.get(block.jobId)!.blocks;
    const key = ledgerKey(block.workerId, block.taskType);
    if (!blocks.has(key)) blocks.set(key, block);
  }
}

/** Lets each job follow its tasks; reads the rest of a job where that changes them all. */
export async function settleLedgers(client: ClientBase, ledgers: Iterable<JobLedger>, now: Date): Promise<void> {
  for (const ledger of ledgers) {
    if (ledger.needsAllTasks()) await fillAllTasks(client, ledger);
    ledger.settle(now);
  }
}

function addFailures(ledgers: Ledgers, rows: readonly OfJob<LedgerFailure>[]): void {
  for (const row of rows) {
    const failures = ledgers.get(row.jobId)?.failures;
    const key = ledgerKey(row.workerId, row.taskId);
    if (failures && !failures.has(key)) failures.set(key, row);
  }
}

function addDependent(ledger: JobLedger, dependsOnId: string, taskId: string): void {
  const dependents = ledger.dependents.get(dependsOnId) ?? [];
  dependents.push(taskId);
  ledger.dependents.set(dependsOnId, dependents);
}
