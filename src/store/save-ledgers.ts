import type { ClientBase } from 'pg';
import type { JobLedger, LedgerTask } from '../domain/job-ledger.ts';
import { query, type Statement } from './database.ts';
import type { CommittedChange, EventPosition } from './store.ts';

/*
 * Writes what ledgers decided: at most one statement per table, whatever the number of jobs and tasks. The rows travel
 * as one JSON document; unnest of a dozen arrays was no faster for batches and far harder to read.
 */

/** Guarded by the sequence that was read: the lock makes sure of it, the guard makes a broken lock loud. */
const JOBS: Statement = {
  name: 'save-jobs',
  text: `UPDATE job SET status = c.status, status_reason = c."statusReason", error = c.error, sequence = c.sequence,
      tasks_queued = c."tasksQueued", tasks_active = c."tasksActive", tasks_completed = c."tasksCompleted", tasks_soft_failed = c."tasksSoftFailed",
      tasks_failed = c."tasksFailed", tasks_canceled = c."tasksCanceled", tasks_canceled_by_failure = c."tasksCanceledByFailure",
      tasks_claimable = c."tasksClaimable", frames_done = c."framesDone", work_done = c."workDone", recent_frame_seconds = c."recentFrameSeconds",
      latest_output_id = c."latestOutputId",
      started_at = c."startedAt", finished_at = c."finishedAt", updated_at = $2
    FROM json_to_recordset($1::json) AS c(id uuid, "sequenceBefore" integer, status text, "statusReason" text, error text, sequence integer, "tasksQueued" integer,
      "tasksActive" integer, "tasksCompleted" integer, "tasksSoftFailed" integer, "tasksFailed" integer, "tasksCanceled" integer,
      "tasksCanceledByFailure" integer, "tasksClaimable" integer, "framesDone" integer, "workDone" double precision,
      "recentFrameSeconds" double precision[], "latestOutputId" uuid, "startedAt" timestamptz, "finishedAt" timestamptz)
    WHERE job.id = c.id AND job.sequence = c."sequenceBefore"`,
};
const QUEUES: Statement = {
  name: 'save-queues',
  text: `UPDATE job_queue SET claimable = job_queue.claimable + c.delta
    FROM json_to_recordset($1::json) AS c("jobId" uuid, "taskType" text, delta integer)
    WHERE job_queue.job_id = c."jobId" AND job_queue.task_type = c."taskType"`,
};
const TASKS: Statement = {
  name: 'save-tasks',
  text: `UPDATE task SET status = c.status, status_reason = c."statusReason", frames_done = c."framesDone", open_dependencies = c."openDependencies",
      failed_attempts = c."failedAttempts", last_failed_at = c."lastFailedAt", attempt_count = c."attemptCount", progress = c.progress,
      activity = c.activity, stop_requested_at = c."stopRequestedAt", renders_anew = c."rendersAnew", worker_id = c."workerId"
    FROM json_to_recordset($1::json) AS c(id uuid, status text, "statusReason" text, "framesDone" integer, "openDependencies" integer, "failedAttempts" integer,
      "lastFailedAt" timestamptz, "attemptCount" integer, progress double precision, activity text, "stopRequestedAt" timestamptz,
      "rendersAnew" boolean, "workerId" uuid)
    WHERE task.id = c.id`,
};
const ATTEMPTS: Statement = {
  name: 'save-attempts',
  text: `UPDATE attempt SET session_number = c."sessionNumber", last_output_at = greatest(attempt.last_output_at, c."lastOutputAt"), ended_at = c."endedAt", outcome = c.outcome,
      failure_kind = c."failureKind", failure_message = c."failureMessage", failure_exit_code = c."failureExitCode", report_sequence = c."reportSequence",
      stop_order = c."stopOrder", stop_reason = c."stopReason", stop_requested_by = c."stopRequestedBy", stop_comment = c."stopComment",
      stop_sent_at = c."stopSentAt"
    FROM json_to_recordset($1::json) AS c(id uuid, "sessionNumber" integer, "lastOutputAt" timestamptz, "endedAt" timestamptz, outcome text, "failureKind" text,
      "failureMessage" text, "failureExitCode" integer, "reportSequence" integer, "stopOrder" text, "stopReason" text, "stopRequestedBy" text,
      "stopComment" text, "stopSentAt" timestamptz)
    WHERE attempt.id = c.id`,
};
const NEW_ATTEMPTS: Statement = {
  name: 'save-new-attempts',
  text: `INSERT INTO attempt (id, job_id, task_id, number, worker_id, session_number, token, started_at, last_output_at)
    SELECT id, "jobId", "taskId", number, "workerId", "sessionNumber", token, "startedAt", "lastOutputAt"
    FROM json_to_recordset($1::json) AS c(id uuid, "jobId" uuid, "taskId" uuid, number integer, "workerId" uuid, "sessionNumber" integer, token uuid,
      "startedAt" timestamptz, "lastOutputAt" timestamptz)`,
};
const FORGIVE: Statement = {
  name: 'save-forgiveness',
  text: 'DELETE FROM task_failure WHERE task_id = ANY($1::uuid[]) OR job_id = ANY($2::uuid[])',
};
const UNBLOCK: Statement = { name: 'save-unblocks', text: 'DELETE FROM worker_block WHERE job_id = ANY($1::uuid[])' };
const FAILURES: Statement = {
  name: 'save-failures',
  text: `INSERT INTO task_failure (task_id, worker_id, job_id, task_type, failures, losses, failed_at, handed_back_at)
    SELECT "taskId", "workerId", "jobId", "taskType", failures, losses, "failedAt", "handedBackAt"
    FROM json_to_recordset($1::json) AS c("taskId" uuid, "workerId" uuid, "jobId" uuid, "taskType" text, failures integer, losses integer,
      "failedAt" timestamptz, "handedBackAt" timestamptz)
    ON CONFLICT (task_id, worker_id) DO UPDATE
      SET failures = excluded.failures, losses = excluded.losses, failed_at = excluded.failed_at, handed_back_at = excluded.handed_back_at`,
};
const BLOCKS: Statement = {
  name: 'save-blocks',
  text: `INSERT INTO worker_block (job_id, worker_id, task_type, until)
    SELECT "jobId", "workerId", "taskType", until
    FROM json_to_recordset($1::json) AS c("jobId" uuid, "workerId" uuid, "taskType" text, until timestamptz)
    ON CONFLICT (job_id, worker_id, task_type) DO UPDATE SET until = excluded.until`,
};
/** One insert for all events of the transaction, in the order in which they happened. */
const EVENTS: Statement = {
  name: 'save-events',
  text: `INSERT INTO event (job_id, job_type, submitter, at, actor, reason, message, kind, from_status, to_status, first_sequence, task_ids, task_names, attempt_numbers)
    SELECT "jobId", "jobType", submitter, $2, actor, reason, message, kind, "from", "to", "firstSequence", "taskIds", "taskNames", "attemptNumbers"
    FROM ROWS FROM (json_to_recordset($1::json) AS ("jobId" uuid, "jobType" text, submitter text, actor text, reason text, message text, kind text, "from" text,
      "to" text, "firstSequence" integer, "taskIds" uuid[], "taskNames" text[], "attemptNumbers" integer[])) WITH ORDINALITY
    ORDER BY ordinality
    RETURNING job_id AS "jobId", xid::text, id, greatest(1, cardinality(task_ids)) AS offset`,
};

/** Writes the ledgers and says where the last change of each job stands in the feed. */
export async function saveLedgers(
  client: ClientBase,
  ledgers: Iterable<JobLedger>,
  now: Date,
): Promise<Map<string, EventPosition>> {
  const all = [...ledgers];
  const collect = <Row>(rows: (ledger: JobLedger) => Iterable<Row>): (Row & { jobId: string })[] =>
    all.flatMap((ledger) => [...rows(ledger)].map((row) => ({ ...row, jobId: ledger.job.id })));
  const write = async (statement: Statement, rows: readonly object[], ...more: unknown[]) => {
    if (rows.length > 0) await query(client, statement, [JSON.stringify(rows), ...more]);
  };

  const changed = all.filter((ledger) => ledger.hasJobChanged && !ledger.isDeleted);
  const jobs = changed.map((ledger) => ({ ...ledger.job, sequenceBefore: ledger.job.sequence - countChanges(ledger) }));
  if (jobs.length > 0) {
    const { rowCount } = await query(client, JOBS, [JSON.stringify(jobs), now]);
    if (rowCount !== jobs.length)
      throw new Error(`Of ${jobs.length} jobs, ${rowCount} were as they had been read under their lock.`);
  }
  await write(
    QUEUES,
    collect((ledger) => [...ledger.claimableDelta].map(([taskType, delta]) => ({ taskType, delta }))).filter(
      ({ delta }) => delta !== 0,
    ),
  );
  await write(
    TASKS,
    collect((ledger) => ledger.dirtyTasks),
  );
  // First the ended ones: a task that is given out again at once has at most one live attempt at any time.
  await write(
    ATTEMPTS,
    collect((ledger) => [...ledger.dirtyAttempts].filter((attempt) => !ledger.newAttempts.has(attempt))),
  );
  await write(
    NEW_ATTEMPTS,
    collect((ledger) => ledger.newAttempts),
  );
  const forgivenTasks = all.flatMap((ledger) => [...ledger.forgivenTasks]);
  const forgivenJobs = all.filter((ledger) => ledger.isForgiven).map((ledger) => ledger.job.id);
  if (forgivenTasks.length + forgivenJobs.length > 0) await query(client, FORGIVE, [forgivenTasks, forgivenJobs]);
  if (forgivenJobs.length > 0) await query(client, UNBLOCK, [forgivenJobs]);
  await write(
    FAILURES,
    collect((ledger) => ledger.dirtyFailures),
  );
  await write(
    BLOCKS,
    collect((ledger) => ledger.newBlocks),
  );
  return await saveEvents(client, all, now);
}

async function saveEvents(
  client: ClientBase,
  ledgers: readonly JobLedger[],
  now: Date,
): Promise<Map<string, EventPosition>> {
  const rows = ledgers.flatMap(({ job, records }) =>
    records.map(({ tasks, ...record }) => ({
      ...record,
      jobId: job.id,
      jobType: job.type,
      submitter: job.submitter,
      taskIds: tasks.map((task) => task.id),
      taskNames: tasks.map((task) => task.name),
      attemptNumbers: tasks.map((task) => task.attemptNumber),
    })),
  );
  if (rows.length === 0) return new Map();
  const { rows: saved } = await query<EventPosition & { jobId: string }>(client, EVENTS, [JSON.stringify(rows), now]);
  return new Map(saved.map(({ jobId, xid, id, offset }) => [jobId, { xid, id, offset }]));
}

function countChanges(ledger: JobLedger): number {
  return ledger.records.reduce((sum, record) => sum + Math.max(1, record.tasks.length), 0);
}

/** What saved ledgers mean for those who wait. */
export function describeChange(ledgers: Iterable<JobLedger>, workerIds: Iterable<string> = []): CommittedChange {
  const workers = new Set(workerIds);
  const jobIds = new Set<string>();
  let mayHaveWork = false;
  for (const ledger of ledgers) {
    if (ledger.hasJobChanged || ledger.isDeleted) jobIds.add(ledger.job.id);
    for (const attempt of [...ledger.dirtyAttempts, ...ledger.newAttempts]) workers.add(attempt.workerId);
    // A worker's room, an avoidance or a worker limit may have changed with any task that stopped running.
    if ([...ledger.dirtyTasks].some((task: LedgerTask) => task.status !== 'active') && ledger.job.tasksClaimable > 0)
      mayHaveWork = true;
  }
  return { jobIds, workerIds: workers, mayHaveWork };
}
