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
  readonly jobId: string;
  readonly id: string;
  readonly index: number;
  readonly status: TaskStatus;
  readonly frames: string;
  readonly firstFrame: number;
  /** The attempt that is executing it. */
  readonly attemptId: string | null;
}

const FRAME_TASK = `found.job_id AS "jobId", found.id, found.index, found.status, found.frames, found.first_frame AS "firstFrame",
  (SELECT attempt.id FROM attempt WHERE attempt.task_id = found.id AND attempt.ended_at IS NULL) AS "attemptId"`;

/** Tasks of each job that begin at or before a frame and reach it or go beyond. None is wider than the job's widest. */
const TASKS_AROUND: Statement = {
  name: 'frames-tasks-around',
  text: `SELECT ${FRAME_TASK} FROM unnest($1::uuid[]) AS wanted (id) JOIN job ON job.id = wanted.id CROSS JOIN LATERAL (
      SELECT * FROM task
      WHERE job_id = job.id AND status = ANY($2::text[]) AND first_frame >= $3 - job.frame_span AND first_frame <= $3 AND last_frame >= $3
    ) AS found`,
};
/** The next tasks of each job by their first frame. Status by status, for only so are they read in the index's own order. */
const TASKS_BEYOND: Statement = {
  name: 'frames-tasks-beyond',
  text: `SELECT ${FRAME_TASK} FROM unnest($1::uuid[], $3::integer[], $4::integer[]) AS wanted (job_id, first_frame, index) CROSS JOIN LATERAL (
      SELECT next.* FROM unnest($2::text[]) AS each (status) CROSS JOIN LATERAL (
        SELECT * FROM task
        WHERE task.job_id = wanted.job_id AND task.status = each.status
          AND task.first_frame IS NOT NULL AND (task.first_frame, task.index) > (wanted.first_frame, wanted.index)
        ORDER BY task.first_frame, task.index LIMIT $5
      ) AS next ORDER BY next.first_frame, next.index LIMIT $5
    ) AS found ORDER BY found.job_id, found.first_frame, found.index`,
};
const SAVED_BY: Statement = {
  name: 'frames-saved-by',
  text: 'SELECT attempt_id AS "attemptId", frame FROM output WHERE attempt_id = ANY($1::uuid[]) AND frame >= $2',
};
const WANTED = 'unnest($1::uuid[], $2::uuid[], $3::integer[]) AS wanted (job_id, task_id, frame)';
const NEWEST_FILES: Statement = {
  name: 'frames-newest-files',
  text: `SELECT task_id AS "taskId", wanted.frame, file.attempt_id AS "attemptId", file.path, file.render_seconds AS "renderSeconds"
    FROM ${WANTED} CROSS JOIN LATERAL (
      SELECT attempt_id, path, render_seconds FROM output
      WHERE output.job_id = wanted.job_id AND output.frame = wanted.frame AND output.task_id = wanted.task_id ORDER BY id DESC LIMIT 1
    ) AS file`,
};
const PICTURES: Statement = {
  name: 'frames-pictures',
  text: `SELECT picture.id, picture.task_id AS "taskId", picture.frame FROM ${WANTED}
    JOIN picture ON picture.task_id = wanted.task_id AND picture.frame = wanted.frame`,
};
const COUNTS: Statement = {
  name: 'frames-counts',
  text: `SELECT job_id AS "jobId", sum(frame_count) AS count FROM task WHERE job_id = ANY($1::uuid[]) AND status = $2 GROUP BY job_id`,
};
const COUNT_SAVED: Statement = {
  name: 'frames-count-saved',
  text: `SELECT attempt.job_id AS "jobId", count(DISTINCT (attempt_id, frame)) AS count FROM attempt JOIN output ON output.attempt_id = attempt.id
    WHERE attempt.job_id = ANY($1::uuid[]) AND attempt.ended_at IS NULL AND output.frame IS NOT NULL GROUP BY attempt.job_id`,
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

/** A page of a list of frames: of one status, if one is given. */
export interface FramePage {
  readonly after?: FramePlace | undefined;
  readonly status?: TaskStatus | null | undefined;
  readonly limit: number;
}

/**
 * At most `limit` frames of each job beyond a place, in order. What is read are the tasks that hold them, not those
 * before them.
 */
export async function readFrames(
  client: ClientBase | Pool,
  jobIds: readonly string[],
  { after = BEFORE_ALL, status, limit }: FramePage,
): Promise<Map<string, Frame[]>> {
  const statuses = statusesOfTasks(status);
  const searches = jobIds.map((jobId) => ({
    jobId,
    start: { ...after, taskIndex: MAX_INDEX },
    places: [] as HeldFrame[],
  }));
  const around = await query<FrameTask>(client, TASKS_AROUND, [jobIds, statuses, after.number]);
  const reached = await findPlaces(client, around.rows, after, status, limit);
  for (const search of searches) search.places = reached.get(search.jobId) ?? [];

  for (let open = searches; open.length > 0; ) {
    const starts = [open.map(({ start }) => start.number), open.map(({ start }) => start.taskIndex)];
    const values = [open.map(({ jobId }) => jobId), statuses, ...starts, limit];
    const { rows } = await query<FrameTask>(client, TASKS_BEYOND, values);
    const tasks = Map.groupBy(rows, ({ jobId }) => jobId);
    const beyond = await findPlaces(client, rows, after, status, limit);
    open = open.filter((search) => {
      const read = tasks.get(search.jobId) ?? [];
      search.places = [...search.places, ...(beyond.get(search.jobId) ?? [])].sort(comparePlaces).slice(0, limit);
      const last = read.at(-1);
      if (!last || read.length < limit) return false;
      search.start = { number: last.firstFrame, taskIndex: last.index };
      // Only up to the task that was read last every task is known; a task of many frames goes on beyond it.
      const end = search.places[limit - 1];
      return !end || comparePlaces(end, search.start) > 0;
    });
  }
  const frames = await showFrames(
    client,
    searches.flatMap(({ places }) => places),
  );
  return Map.groupBy(frames, ({ jobId }) => jobId);
}

/** How many frames of a status each job has; jobs without any may be left out. */
export async function countFrames(
  client: ClientBase | Pool,
  jobIds: readonly string[],
  status: TaskStatus,
): Promise<Map<string, number>> {
  type Counts = { jobId: string; count: number };
  const { rows } = await query<Counts>(client, COUNTS, [jobIds, status]);
  const counts = new Map(rows.map(({ jobId, count }) => [jobId, count]));
  if (status !== 'active' && status !== 'completed') return counts;
  const { rows: saved } = await query<Counts>(client, COUNT_SAVED, [jobIds]);
  for (const { jobId, count } of saved)
    counts.set(jobId, (counts.get(jobId) ?? 0) + (status === 'active' ? -count : count));
  return counts;
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

/** The first frames of each task that lie beyond the place, by the job. */
async function findPlaces(
  client: ClientBase | Pool,
  tasks: readonly FrameTask[],
  after: FramePlace,
  status: TaskStatus | null | undefined,
  limit: number,
): Promise<Map<string, HeldFrame[]>> {
  const isSplit = status === 'active' || status === 'completed';
  const live = tasks.flatMap(({ attemptId }) => (isSplit && attemptId ? [attemptId] : []));
  const saved = live.length > 0 ? await readSaved(client, live, after.number) : new Set<string>();
  const found = tasks.flatMap((task) => {
    const from = after.number + (task.index > after.taskIndex ? 0 : 1);
    const ofTask: HeldFrame[] = [];
    for (const number of framesFrom(task.frames, from)) {
      if (ofTask.length === limit) break;
      const isWanted =
        !isSplit || !task.attemptId || saved.has(frameKey(task.attemptId, number)) === (status === 'completed');
      if (isWanted) ofTask.push({ number, taskIndex: task.index, task });
    }
    return ofTask;
  });
  return Map.groupBy(found, ({ task }) => task.jobId);
}

async function readSaved(client: ClientBase | Pool, attemptIds: readonly string[], from: number): Promise<Set<string>> {
  const { rows } = await query<{ attemptId: string; frame: number }>(client, SAVED_BY, [attemptIds, from]);
  return new Set(rows.map(({ attemptId, frame }) => frameKey(attemptId, frame)));
}

/** Adds what is known of each frame's newest file and of its picture. */
async function showFrames(client: ClientBase | Pool, places: readonly HeldFrame[]): Promise<Frame[]> {
  const taskIds = places.map(({ task }) => task.id);
  const values = [places.map(({ task }) => task.jobId), taskIds, places.map(({ number }) => number)];
  const { rows: saved } = await query<SavedFile>(client, NEWEST_FILES, values);
  const { rows: pictures } = await query<{ id: string; taskId: string; frame: number }>(client, PICTURES, values);
  const files = new Map(saved.map((file) => [frameKey(file.taskId, file.frame), file]));
  const pictureIds = new Map(pictures.map(({ id, taskId, frame }) => [frameKey(taskId, frame), id]));
  return places.map(({ task, number }) => {
    const key = frameKey(task.id, number);
    const file = files.get(key);
    const isSaved = file !== undefined && file.attemptId === task.attemptId;
    return {
      jobId: task.jobId,
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
