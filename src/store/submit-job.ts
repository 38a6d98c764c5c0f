import { createHash } from 'node:crypto';
import type { ClientBase } from 'pg';
import { v7 as newId } from 'uuid';
import { IdempotencyConflictError } from '../domain/errors.ts';
import { formatFrameRange, parseFrameRange } from '../domain/frame-range.ts';
import { weighTask } from '../domain/job-ledger.ts';
import type { CompiledTask } from '../domain/job-type.ts';
import type { Needs } from '../domain/needs.ts';
import { newestPosition } from './change-job.ts';
import { inTransaction, query, type Statement } from './database.ts';
import { lockJobs } from './job-locks.ts';
import type { EventPosition, Store } from './store.ts';

/** A submission that has passed validation, compiled into tasks. */
export interface CompiledJob {
  readonly name: string;
  readonly type: string;
  readonly jobTypeVersion: string;
  readonly priority: number;
  readonly maxWorkers: number | null;
  readonly workerTag: string | null;
  readonly needs: Needs;
  readonly maxAttempts: number;
  readonly failureLimitPercent: number;
  readonly taskTimeoutSeconds: number | null;
  readonly noOutputTimeoutSeconds: number | null;
  readonly submitter: string;
  readonly settings: unknown;
  readonly metadata: unknown;
  readonly files: unknown;
  readonly idempotencyKey: string | null;
  /** What was submitted, as given: a repeated key with another input is a conflict. */
  readonly input: unknown;
  readonly tasks: readonly CompiledTask[];
}

export interface SubmittedJob {
  readonly jobId: string;
  readonly position: EventPosition;
  /** The key had been used for the same input: this is the job of then. */
  readonly alreadySubmitted: boolean;
}

const INSERT_JOB: Statement = {
  name: 'submit-job',
  text: `INSERT INTO job (id, name, type, job_type_version, status, status_reason, priority, max_workers, worker_tag, needs, max_attempts, failure_limit_percent,
      task_timeout_seconds, no_output_timeout_seconds, submitter, settings, metadata, files, idempotency_key, input_hash, sequence, tasks_total, tasks_queued,
      tasks_claimable, frames_total, frame_span, work_total, created_at, updated_at)
    SELECT id, name, type, "jobTypeVersion", 'queued', 'SUBMITTED', priority, "maxWorkers", "workerTag", needs, "maxAttempts", "failureLimitPercent",
      "taskTimeoutSeconds", "noOutputTimeoutSeconds", submitter, settings, metadata, files, "idempotencyKey", "inputHash", 2, "tasksTotal", "tasksTotal",
      "tasksClaimable", "framesTotal", "frameSpan", "workTotal", $2, $2
    FROM json_to_record($1::json) AS c(id uuid, name text, type text, "jobTypeVersion" text, priority integer, "maxWorkers" integer, "workerTag" text, needs jsonb,
      "maxAttempts" integer, "failureLimitPercent" integer, "taskTimeoutSeconds" integer, "noOutputTimeoutSeconds" integer, submitter text, settings jsonb,
      metadata jsonb, files jsonb, "idempotencyKey" text, "inputHash" text, "tasksTotal" integer, "tasksClaimable" integer, "framesTotal" integer,
      "frameSpan" integer, "workTotal" integer)
    ON CONFLICT (idempotency_key) DO NOTHING`,
};
const INSERT_TASKS: Statement = {
  name: 'submit-tasks',
  text: `INSERT INTO task (id, job_id, index, name, type, status, status_reason, frames, frame_count, first_frame, last_frame, commands, open_dependencies)
    SELECT id, $2, index, name, type, 'queued', 'SUBMITTED', frames, "frameCount", "firstFrame", "lastFrame", commands, "openDependencies"
    FROM json_to_recordset($1::json) AS c(id uuid, index integer, name text, type text, frames text, "frameCount" integer, "firstFrame" integer,
      "lastFrame" integer, commands jsonb, "openDependencies" integer)`,
};
const INSERT_EDGES: Statement = {
  name: 'submit-edges',
  text: 'INSERT INTO task_dependency (job_id, task_id, depends_on_id) SELECT $1, * FROM unnest($2::uuid[], $3::uuid[])',
};
const INSERT_QUEUES: Statement = {
  name: 'submit-queues',
  text: 'INSERT INTO job_queue (job_id, task_type, claimable) SELECT $1, * FROM unnest($2::text[], $3::integer[])',
};
const INSERT_EVENTS: Statement = {
  name: 'submit-events',
  text: `INSERT INTO event (job_id, job_type, submitter, at, actor, reason, kind, from_status, to_status, first_sequence)
    VALUES ($1, $2, $3, $4, $3, 'SUBMITTED', 'job', NULL, 'under-construction', 1), ($1, $2, $3, $4, $3, 'SUBMITTED', 'job', 'under-construction', 'queued', 2)`,
};
const SAME_KEY: Statement = {
  name: 'submit-same-key',
  text: 'SELECT id, input_hash AS "inputHash" FROM job WHERE idempotency_key = $1',
};

/**
 * Stores a compiled job with all its tasks, in one transaction.
 *
 * @throws IdempotencyConflictError
 */
export async function submitJob(store: Store, job: CompiledJob): Promise<SubmittedJob> {
  const now = store.now();
  const id = newId();
  // Version 7 rises with each: in the order of their ids, tasks are in the order of their index (see ORDER_OF_DEPENDENCIES).
  const tasks = job.tasks.map((task, index) => ({
    ...task,
    id: newId(),
    index,
    ...describeFrames(task),
    openDependencies: new Set(task.dependsOn).size,
  }));
  const inputHash = createHash('sha256').update(canonicalJson(job.input)).digest('hex');
  const row = {
    ...job,
    id,
    inputHash,
    input: undefined,
    tasks: undefined,
    tasksTotal: tasks.length,
    tasksClaimable: tasks.filter(({ openDependencies }) => openDependencies === 0).length,
    framesTotal: tasks.reduce((sum, { frameCount }) => sum + frameCount, 0),
    frameSpan: tasks.reduce(
      (most, { firstFrame, lastFrame }) => Math.max(most, (lastFrame ?? 0) - (firstFrame ?? 0)),
      0,
    ),
    workTotal: tasks.reduce((sum, task) => sum + weighTask(task), 0),
  };
  const result = await inTransaction(store.pool, async (client): Promise<SubmittedJob> => {
    await lockJobs(client, [id]);
    const { rowCount } = await query(client, INSERT_JOB, [JSON.stringify(row), now]);
    if (rowCount === 0) return await findSubmitted(client, job.idempotencyKey!, inputHash);
    await query(client, INSERT_TASKS, [JSON.stringify(tasks), id]);
    const edges = tasks.flatMap((task) =>
      [...new Set(task.dependsOn)].map((index) => ({ task: task.id, dependsOn: tasks[index]!.id })),
    );
    if (edges.length > 0)
      await query(client, INSERT_EDGES, [id, edges.map(({ task }) => task), edges.map(({ dependsOn }) => dependsOn)]);
    const types = [...new Set(tasks.map(({ type }) => type))];
    const claimable = types.map(
      (type) => tasks.filter((task) => task.type === type && task.openDependencies === 0).length,
    );
    await query(client, INSERT_QUEUES, [id, types, claimable]);
    await query(client, INSERT_EVENTS, [id, job.type, job.submitter, now]);
    return { jobId: id, position: await newestPosition(client, id), alreadySubmitted: false };
  });
  if (!result.alreadySubmitted) store.announce({ jobIds: new Set([id]), workerIds: new Set(), mayHaveWork: true });
  return result;
}

/** A task's frames as they are stored: the text in its one spelling, how many they are, the first and the last. */
function describeFrames({ frames: text }: CompiledTask) {
  const frames = text === null ? [] : parseFrameRange(text);
  return {
    frames: text === null ? null : formatFrameRange(frames),
    frameCount: frames.length,
    firstFrame: frames[0] ?? null,
    lastFrame: frames.at(-1) ?? null,
  };
}

async function findSubmitted(client: ClientBase, key: string, inputHash: string): Promise<SubmittedJob> {
  const { rows } = await query<{ id: string; inputHash: string }>(client, SAME_KEY, [key]);
  const found = rows[0];
  if (!found) throw new Error('The job with this idempotency key was deleted at this moment.');
  if (found.inputHash !== inputHash) throw new IdempotencyConflictError(key, found.id);
  return { jobId: found.id, position: await newestPosition(client, found.id), alreadySubmitted: true };
}

/** JSON with sorted keys: the order of an input's fields makes no other input. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, item) =>
    item && typeof item === 'object' && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}
