import type { Store } from '../store/store.ts';
import type { LiveSource } from './live-value.ts';
import { byId, readTogether } from './read-together.ts';
import { isFarmChange } from './wake.ts';

export type JobRow = Awaited<ReturnType<Store['prisma']['job']['findUniqueOrThrow']>>;
export type TaskRow = Awaited<ReturnType<Store['prisma']['task']['findUniqueOrThrow']>>;

/** A stored thing as it is now; null when it is deleted. A new object for each state: what is made of it is kept by it. */
export interface LiveRow<Row> {
  readonly row: Row | null;
}

/** What is known to have changed is handed on without a comparison: what a stream asks for may lie in other tables. */
const CHANGED = 'changed';
const LOOK = 'look';

/** The sources of `jobUpdated` and `taskUpdated`. */
export function createRowSources(store: Store) {
  const readJob = readTogether(async (ids) => byId(await store.prisma.job.findMany({ where: { id: { in: ids } } })));
  const readTask = readTogether(async (ids) =>
    byId(
      await store.prisma.task.findMany({ where: { id: { in: ids } }, include: { job: { select: { status: true } } } }),
    ),
  );

  function job(id: string): LiveSource<LiveRow<JobRow>> {
    return {
      concernOf(wake, value) {
        if (wake.isEverything || wake.jobIds.has(id)) return [CHANGED];
        return isFarmChange(wake) && value?.row && value.row.tasksClaimable > 0 ? [CHANGED] : null;
      },
      async read(previous, concerns) {
        const row = await readJob(id);
        const isSame = previous?.row && row && printJob(previous.row) === printJob(row);
        return isSame && !concerns.has(CHANGED) ? null : { row };
      },
    };
  }

  /** The wake-up names the job: most of its tasks are as they were. */
  function task(id: string): LiveSource<LiveRow<TaskRow> & { readonly print: string }> {
    return {
      concernOf(wake, value) {
        if (wake.isEverything || !value?.row || wake.jobIds.has(value.row.jobId)) return [LOOK];
        return isFarmChange(wake) && isWaiting(value.row) ? [CHANGED] : null;
      },
      async read(previous, concerns) {
        const found = await readTask(id);
        const print = found ? printTask(found, found.job.status) : '';
        if (previous && previous.print === print && !concerns.has(CHANGED)) return null;
        if (!found) return { row: null, print };
        const { job: _, ...row } = found;
        return { row, print };
      },
    };
  }

  return { job, task };
}

/** What of a job can change, as text. Settings and files cannot, and are large. */
export function printJob({ settings: _settings, files: _files, ...rest }: JobRow): string {
  return JSON.stringify(rest);
}

/** What of a task can change, and its job's status, on which depends what a user may do. */
export function printTask({ commands: _, ...rest }: TaskRow, jobStatus: string): string {
  return JSON.stringify([rest, jobStatus]);
}

export function isWaiting({ status }: TaskRow): boolean {
  return status === 'queued' || status === 'soft-failed';
}
