import type { ClientBase, Pool } from 'pg';
import { FIRST_FRAME, framesFrom, LAST_FRAME } from '../domain/frame-range.ts';
import { query, type Statement } from './database.ts';

/** Tasks whose first and last frame leave room for one of the frames; no task is wider than the job's widest. */
const CANDIDATES: Statement = {
  name: 'tasks-with-frames',
  text: `SELECT task.id, frames FROM unnest($1::uuid[]) AS wanted (id) JOIN job ON job.id = wanted.id CROSS JOIN LATERAL (
      SELECT id, index, frames FROM task
      WHERE job_id = job.id AND first_frame >= $2 - frame_span AND first_frame <= $3 AND last_frame >= $2
    ) AS task ORDER BY job.id, index`,
};

export interface TaskWithFrames {
  readonly id: string;
  /** Those of the frames that it holds. */
  readonly frames: readonly number[];
}

/** The tasks of these jobs that hold any of these frames (ascending), those of one job in the order of their index. */
export async function findTasksWithFrames(
  client: ClientBase | Pool,
  jobIds: readonly string[],
  frames: readonly number[],
): Promise<TaskWithFrames[]> {
  const [first, last] = [frames[0], frames.at(-1)];
  if (first === undefined || last === undefined || first > LAST_FRAME || last < FIRST_FRAME) return [];
  const wanted = new Set(frames);
  const { rows } = await query<{ id: string; frames: string }>(client, CANDIDATES, [jobIds, first, last]);
  return rows
    .map(({ id, frames: text }) => ({ id, frames: pick(text, first, last, wanted) }))
    .filter((task) => task.frames.length > 0);
}

function pick(text: string, first: number, last: number, wanted: ReadonlySet<number>): number[] {
  const found: number[] = [];
  for (const frame of framesFrom(text, first)) {
    if (frame > last) break;
    if (wanted.has(frame)) found.push(frame);
  }
  return found;
}
