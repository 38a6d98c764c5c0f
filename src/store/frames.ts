import type { ClientBase, Pool } from 'pg';
import { FIRST_FRAME, framesFrom } from '../domain/frame-range.ts';
import { TASK_STATUS_NAMES, type TaskStatus } from '../domain/task-status.ts';
import { query, type Statement } from './database.ts';
import type { SortOrder } from './page-window.ts';

/*
 * Frames are no rows: a task names its frames as text, and each saved one has an output. So a job of a million frames is
 * submitted and deleted by its tasks, and a page of frames is made of the tasks that hold it and of their outputs.
 */

/** A frame as it stands. */
export interface Frame {
  readonly jobId: string;
  readonly taskId: string;
  readonly taskIndex: number;
  readonly number: number;
  /** Its task's; `completed` as soon as the attempt that is executing the task has saved it. */
  readonly status: TaskStatus;
  /** Of its newest file, which may be of an earlier attempt. */
  readonly path: string | null;
  readonly renderSeconds: number | null;
  /** Its picture, which is another one with another id. */
  readonly pictureId: string | null;
}

/** By number, those with the same number by their task. They are no rows: the columns stand for the properties alone. */
export const ORDER_OF_FRAMES: SortOrder = {
  columns: [
    { name: 'number', property: 'number', type: 'integer' },
    { name: 'index', property: 'taskIndex', type: 'integer' },
  ],
  direction: 'asc',
};

/** Where a page of frames begins. */
export interface FramePlace {
  readonly number: number;
  readonly taskIndex: number;
}

interface FrameTask {
  readonly id: string;
  readonly index: number;
  readonly status: TaskStatus;
  readonly frames: string;
  readonly firstFrame: number;
  /** The attempt that is executing it. */
  readonly attemptId: string | null;
}

const FRAME_TASK = `task.id, task.index, task.status, task.frames, task.first_frame AS "firstFrame",
  (SELECT attempt.id FROM attempt WHERE attempt.task_id = task.id AND attempt.ended_at IS NULL) AS "attemptId"`;

/** Tasks that begin at or before a frame and reach it or go beyond. None is wider than the job's widest. */
const TASKS_AROUND: Statement = {
  name: 'frames-tasks-around',
  text: `SELECT ${FRAME_TASK} FROM task
    WHERE job_id = $1 AND status = ANY($2::text[]) AND first_frame >= $3 - (SELECT frame_span FROM job WHERE id = $1) AND first_frame <= $3 AND last_frame >= $3`,
};
/** The next tasks by their first frame. Status by status, for only so are they read in the index's own order. */
const TASKS_BEYOND: Statement = {
  name: 'frames-tasks-beyond',
  text: `SELECT found.* FROM unnest($2::text[]) AS wanted (status) CROSS JOIN LATERAL (
      SELECT ${FRAME_TASK} FROM task
      WHERE task.job_id = $1 AND task.status = wanted.status AND task.first_frame IS NOT NULL AND (task.first_frame, task.index) > ($3::integer, $4::integer)
      ORDER BY task.first_frame, task.index LIMIT $5
    ) AS found ORDER BY "firstFrame", index LIMIT $5`,
};
const SAVED_BY: Statement = {
  name: 'frames-saved-by',
  text: 'SELECT attempt_id AS "attemptId", frame FROM output WHERE attempt_id = ANY($1::uuid[]) AND frame >= $2',
};
const NEWEST_FILES: Statement = {
  name: 'frames-newest-files',
  text: `SELECT DISTINCT ON (task_id, frame) task_id AS "taskId", frame, attempt_id AS "attemptId", path, render_seconds AS "renderSeconds"
    FROM output WHERE job_id = $1 AND frame = ANY($2::integer[]) ORDER BY task_id, frame, id DESC`,
};
const PICTURES: Statement = {
  name: 'frames-pictures',
  text: 'SELECT id, task_id AS "taskId", frame FROM picture WHERE job_id = $1 AND frame = ANY($2::integer[])',
};
const COUNTS: Statement = {
  name: 'frames-counts',
  text: `SELECT status, sum(frame_count) AS count FROM task WHERE job_id = $1 AND status = ANY($2::text[]) GROUP BY status`,
};
const COUNT_SAVED: Statement = {
  name: 'frames-count-saved',
  text: `SELECT count(DISTINCT (attempt_id, frame)) AS count FROM output JOIN attempt ON attempt.id = output.attempt_id
    WHERE attempt.job_id = $1 AND attempt.ended_at IS NULL AND output.frame IS NOT NULL`,
};
const LATEST: Statement = {
  name: 'frames-latest',
  text: `SELECT output.id, output.job_id AS "jobId", output.task_id AS "taskId", task.index AS "taskIndex", output.frame AS number, path,
      render_seconds AS "renderSeconds", CASE WHEN task.status = 'active' AND attempt.ended_at IS NULL THEN 'completed' ELSE task.status END AS status,
      picture.id AS "pictureId"
    FROM output JOIN task ON task.id = output.task_id JOIN attempt ON attempt.id = output.attempt_id
      LEFT JOIN picture ON picture.task_id = output.task_id AND picture.frame = output.frame WHERE output.id = ANY($1::uuid[])`,
};

const BEFORE_ALL: FramePlace = { number: FIRST_FRAME - 1, taskIndex: -1 };
const MAX_INDEX = 2_147_483_647;

/**
 * At most `limit` frames of a job beyond a place, in order; of one status, if one is given. What is read are the tasks
 * that hold them, not those before them.
 */
export async function readFrames(
  client: ClientBase | Pool,
  jobId: string,
  { after = BEFORE_ALL, status, limit }: { after?: FramePlace; status?: TaskStatus | null; limit: number },
): Promise<Frame[]> {
  const statuses = statusesOfTasks(status);
  const { rows: around } = await query<FrameTask>(client, TASKS_AROUND, [jobId, statuses, after.number]);
  const places = await findPlaces(client, around, after, status, limit);
  let start = { number: after.number, taskIndex: MAX_INDEX };
  for (;;) {
    const values = [jobId, statuses, start.number, start.taskIndex, limit];
    const { rows: beyond } = await query<FrameTask>(client, TASKS_BEYOND, values);
    places.push(...(await findPlaces(client, beyond, after, status, limit)));
    places.sort(comparePlaces);
    const last = beyond.at(-1);
    if (!last || beyond.length < limit) return await showFrames(client, jobId, places.slice(0, limit));
    start = { number: last.firstFrame, taskIndex: last.index };
    // Only up to the task that was read last every task is known; a task of many frames goes on beyond it.
    if (places[limit - 1] && comparePlaces(places[limit - 1]!, start) <= 0)
      return await showFrames(client, jobId, places.slice(0, limit));
  }
}

/** How many frames of a status a job has. */
export async function countFrames(client: ClientBase | Pool, jobId: string, status: TaskStatus): Promise<number> {
  const { rows } = await query<{ status: TaskStatus; count: number }>(client, COUNTS, [jobId, statusesOfTasks(status)]);
  const count = rows.find((row) => row.status === status)?.count ?? 0;
  if (status !== 'active' && status !== 'completed') return count;
  const { rows: saved } = await query<{ count: number }>(client, COUNT_SAVED, [jobId]);
  return status === 'active' ? count - saved[0]!.count : count + saved[0]!.count;
}

/** The frames of these outputs, by the outputs' ids. */
export async function readFramesOfOutputs(
  client: ClientBase | Pool,
  outputIds: readonly string[],
): Promise<(Frame & { readonly id: string })[]> {
  return (await query<Frame & { id: string }>(client, LATEST, [outputIds])).rows;
}

interface SavedFile {
  readonly taskId: string;
  readonly frame: number;
  readonly attemptId: string;
  readonly path: string;
  readonly renderSeconds: number | null;
}

interface HeldFrame extends FramePlace {
  readonly task: FrameTask;
}

/** Frames of a task that is being executed are completed one by one. */
function statusesOfTasks(status: TaskStatus | null | undefined): readonly TaskStatus[] {
  if (!status) return TASK_STATUS_NAMES;
  return status === 'completed' ? ['completed', 'active'] : [status];
}

/** The first frames of each task that lie beyond the place. */
async function findPlaces(
  client: ClientBase | Pool,
  tasks: readonly FrameTask[],
  after: FramePlace,
  status: TaskStatus | null | undefined,
  limit: number,
): Promise<HeldFrame[]> {
  const isSplit = status === 'active' || status === 'completed';
  const live = tasks.flatMap(({ attemptId }) => (isSplit && attemptId ? [attemptId] : []));
  const saved = live.length > 0 ? await readSaved(client, live, after.number) : new Set<string>();
  return tasks.flatMap((task) => {
    const from = after.number + (task.index > after.taskIndex ? 0 : 1);
    const found: HeldFrame[] = [];
    for (const number of framesFrom(task.frames, from)) {
      if (found.length === limit) break;
      const isWanted =
        !isSplit || !task.attemptId || saved.has(frameKey(task.attemptId, number)) === (status === 'completed');
      if (isWanted) found.push({ number, taskIndex: task.index, task });
    }
    return found;
  });
}

async function readSaved(client: ClientBase | Pool, attemptIds: readonly string[], from: number): Promise<Set<string>> {
  const { rows } = await query<{ attemptId: string; frame: number }>(client, SAVED_BY, [attemptIds, from]);
  return new Set(rows.map(({ attemptId, frame }) => frameKey(attemptId, frame)));
}

/** Adds what is known of each frame's newest file and of its picture. */
async function showFrames(client: ClientBase | Pool, jobId: string, places: readonly HeldFrame[]): Promise<Frame[]> {
  const values = [jobId, places.map(({ number }) => number)];
  const { rows: saved } = await query<SavedFile>(client, NEWEST_FILES, values);
  const { rows: pictures } = await query<{ id: string; taskId: string; frame: number }>(client, PICTURES, values);
  const files = new Map(saved.map((file) => [frameKey(file.taskId, file.frame), file]));
  const pictureIds = new Map(pictures.map(({ id, taskId, frame }) => [frameKey(taskId, frame), id]));
  return places.map(({ task, number }) => {
    const key = frameKey(task.id, number);
    const file = files.get(key);
    const isSaved = file !== undefined && file.attemptId === task.attemptId;
    return {
      jobId,
      taskId: task.id,
      taskIndex: task.index,
      number,
      status: isSaved ? 'completed' : task.status,
      path: file?.path ?? null,
      renderSeconds: file?.renderSeconds ?? null,
      pictureId: pictureIds.get(key) ?? null,
    };
  });
}

function frameKey(id: string, frame: number): string {
  return `${id} ${frame}`;
}

function comparePlaces(a: FramePlace, b: FramePlace): number {
  return a.number - b.number || a.taskIndex - b.taskIndex;
}
