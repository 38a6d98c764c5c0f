/**
 * The job statuses: one table, in the order of the documentation. Types, guards, the GraphQL enum, its descriptions and
 * the README's table derive from it. Model: the job statuses that Blender Studio documents for Flamenco.
 */
// biome-ignore format: one row per line, as in the README's table
export const JOB_STATUSES = {
  'under-construction': { next: ['queued', 'active'],                meaning: 'The job is being compiled into tasks.' },
  'queued':             { next: ['active', 'canceled'],              meaning: 'Tasks are ready for workers.' },
  'active':             { next: ['completed', 'canceled', 'failed'], meaning: 'At least one task has been given to a worker.' },
  'completed':          { next: ['queued'],                          meaning: 'Every task completed.' },
  'failed':             { next: ['queued', 'canceled'],              meaning: 'One or more tasks failed for good, after tries by different workers.' },
  'cancel-requested':   { next: ['canceled'],                        meaning: 'A user asked to cancel; workers are being stopped.' },
  'canceled':           { next: ['queued'],                          meaning: 'Canceled by a user; nothing of it runs on any machine that the farm can reach.' },
  'requeueing':         { next: ['queued'],                          meaning: 'A user asked to requeue; tasks are being put back.' },
  'paused':             { next: [],                                  meaning: 'Reserved, not implemented.' },
} as const satisfies Record<string, { next: readonly string[]; meaning: string }>;

export type JobStatus = keyof typeof JOB_STATUSES;

/**
 * The statuses that a user's request asks for, with the statuses from which it may. Besides the table's rows these hops
 * (and the birth, `null → under-construction`) are the only job changes that are ever recorded.
 */
// biome-ignore format: one request per line
export const REQUESTED_JOB_STATUSES = {
  'cancel-requested': ['queued', 'active', 'failed'],
  'requeueing':       ['completed', 'failed', 'canceled'],
} as const satisfies Partial<Record<JobStatus, readonly JobStatus[]>>;

/** The statuses in the table's order. */
export const JOB_STATUS_NAMES = Object.keys(JOB_STATUSES) as readonly JobStatus[];

const FINISHED = ['completed', 'failed', 'canceled'] as const satisfies readonly JobStatus[];
const RUNNABLE = ['queued', 'active'] as const satisfies readonly JobStatus[];

/** The table's row: what may follow `status`. */
export function nextJobStatuses(status: JobStatus): readonly JobStatus[] {
  return JOB_STATUSES[status].next;
}

/** Whether `from → to` is a row of the table. */
export function isJobTransition(from: JobStatus, to: JobStatus): boolean {
  return nextJobStatuses(from).includes(to);
}

/** Whether a user's request takes a job from `from` to the requested status `to`. */
export function isJobRequest(from: JobStatus, to: JobStatus): boolean {
  const sources: readonly JobStatus[] | undefined =
    to in REQUESTED_JOB_STATUSES ? REQUESTED_JOB_STATUSES[to as keyof typeof REQUESTED_JOB_STATUSES] : undefined;
  return sources?.includes(from) ?? false;
}

/** Whether a change may be recorded: the birth, a row of the table, or a requested hop. */
export function isRecordableJobChange(from: JobStatus | null, to: JobStatus): boolean {
  return from === null ? to === 'under-construction' : isJobTransition(from, to) || isJobRequest(from, to);
}

/** Whether nothing of the job runs or will run until a user asks for it. */
export function isFinishedJob(status: JobStatus): boolean {
  return (FINISHED as readonly JobStatus[]).includes(status);
}

/** Whether workers may be given tasks of the job. */
export function mayRunTasks(status: JobStatus): boolean {
  return (RUNNABLE as readonly JobStatus[]).includes(status);
}

/** The statuses in which workers may be given tasks, for a statement's WHERE. */
export const RUNNABLE_JOB_STATUSES: readonly JobStatus[] = RUNNABLE;

const DELETABLE = ['queued', ...FINISHED] as const satisfies readonly JobStatus[];

/** Whether a job may be deleted: nothing of it is running or being stopped. */
export function isDeletableJob(status: JobStatus): boolean {
  return (DELETABLE as readonly JobStatus[]).includes(status);
}
