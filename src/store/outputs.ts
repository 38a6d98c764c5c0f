import type { ClientBase } from 'pg';
import { v7 as newId } from 'uuid';
import { type Output, rememberFrames, type SavedOutput } from '../domain/session-sync.ts';
import { query, type Statement } from './database.ts';
import type { Ledgers } from './ledger-rows.ts';

const INSERT: Statement = {
  name: 'insert-outputs',
  text: `INSERT INTO output (id, job_id, task_id, attempt_id, frame, path, bytes, render_seconds, created_at)
    SELECT id, "jobId", "taskId", "attemptId", frame, path, bytes, "renderSeconds", $2
    FROM json_to_recordset($1::json) AS c(id uuid, "jobId" uuid, "taskId" uuid, "attemptId" uuid, frame integer, path text, bytes bigint, "renderSeconds" double precision)
    ON CONFLICT (attempt_id, path) DO NOTHING
    RETURNING id, job_id AS "jobId", frame, render_seconds AS "renderSeconds"`,
};

/** What an attempt made. */
export interface AttemptOutputs {
  readonly attemptId: string;
  readonly taskId: string;
  readonly jobId: string;
  readonly outputs: readonly Output[];
}

/** Records what attempts made; what was reported before is neither stored nor counted again. */
export async function saveOutputs(
  client: ClientBase,
  ledgers: Ledgers,
  made: readonly AttemptOutputs[],
  now: Date,
): Promise<void> {
  const rows = made.flatMap(({ outputs, ...ids }) => outputs.map((output) => ({ ...output, ...ids, id: newId() })));
  if (rows.length === 0) return;
  const { rows: saved } = await query<SavedOutput & { jobId: string }>(client, INSERT, [JSON.stringify(rows), now]);
  for (const [jobId, ofJob] of Map.groupBy(saved, (output) => output.jobId)) rememberFrames(ledgers.get(jobId)!, ofJob);
}
