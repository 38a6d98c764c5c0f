import type { ClientBase } from 'pg';
import { InvalidInputError } from '../domain/errors.ts';
import { formatFrameRange } from '../domain/frame-range.ts';
import { type Asker, requeueForFrames } from '../domain/job-actions.ts';
import { changeJob, type JobChange } from './change-job.ts';
import { query, type Statement } from './database.ts';
import type { Store } from './store.ts';
import { findTasksWithFrames } from './tasks-with-frames.ts';

const ENDS: Statement = {
  name: 'requeue-frames-ends',
  text: 'SELECT min(first_frame) AS first, max(last_frame) AS last, sum(frame_count) AS count FROM task WHERE job_id = $1',
};

/** A job's change, with the tasks that hold the frames and were put back, in the order of their index. */
export interface FramesChange extends JobChange {
  readonly taskIds: readonly string[];
}

/**
 * Puts back the whole tasks that hold these frames, to be rendered again; those that are queued already are left as they
 * are.
 *
 * @param frames ascending
 * @throws NotFoundError; InvalidInputError for frames that the job does not have; TaskTransitionError when a task is
 *   active, DependencyUnfinishedError: then none is put back
 */
export async function requeueFrames(
  store: Store,
  jobId: string,
  frames: readonly number[],
  asker: Asker,
): Promise<FramesChange> {
  let taskIds: readonly string[] = [];
  const change = await changeJob(store, jobId, async (ledger, now, client) => {
    const holding = await findTasksWithFrames(client, [jobId], frames);
    const held = new Set(holding.flatMap((task) => task.frames));
    const missing = frames.filter((frame) => !held.has(frame));
    if (missing.length > 0) throw await refuseMissing(client, jobId, missing);
    const tasks = holding.map(({ id }) => ledger.task(id));
    taskIds = requeueForFrames(ledger, tasks, asker, now).map(({ id }) => id);
  });
  return { ...change, taskIds };
}

async function refuseMissing(
  client: ClientBase,
  jobId: string,
  missing: readonly number[],
): Promise<InvalidInputError> {
  const { rows } = await query<{ first: number | null; last: number | null; count: number }>(client, ENDS, [jobId]);
  const { first, last, count } = rows[0]!;
  const given = formatFrameRange(missing);
  const allowed = first === null ? 'none: the job has no frames' : `its ${count} frames from ${first} to ${last}`;
  const message = `The job does not have ${missing.length === 1 ? 'the frame' : 'the frames'} ${shorten(given)}.`;
  return new InvalidInputError([{ path: ['frames'], message, given, allowed }]);
}

const MAX_SHOWN = 100;

function shorten(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
