/**
 * The task statuses: one table, in the order of the documentation. Types, guards, the GraphQL enum, its descriptions and
 * the README's table derive from it. Model: the task statuses that Blender Studio documents for Flamenco.
 */
// biome-ignore format: one row per line, as in the README's table
export const TASK_STATUSES = {
  'queued':      { next: ['active', 'canceled'],                             meaning: 'Ready for a worker.' },
  'active':      { next: ['completed', 'canceled', 'failed', 'soft-failed'], meaning: 'A worker is executing it.' },
  'completed':   { next: ['queued'],                                         meaning: 'Executed successfully.' },
  'soft-failed': { next: ['queued', 'completed', 'failed', 'canceled'],      meaning: 'As queued, but a worker failed it before.' },
  'failed':      { next: ['queued', 'canceled'],                             meaning: 'Failed for good, after tries by different workers.' },
  'canceled':    { next: ['queued'],                                         meaning: 'Canceled by a user, or because it can no longer run.' },
  'paused':      { next: [],                                                 meaning: 'Reserved, not implemented.' },
} as const satisfies Record<string, { next: readonly string[]; meaning: string }>;

export type TaskStatus = keyof typeof TASK_STATUSES;

/** The statuses in the table's order. */
export const TASK_STATUS_NAMES = Object.keys(TASK_STATUSES) as readonly TaskStatus[];

/** The statuses in which a task waits to be given out. */
export const OPEN_TASK_STATUSES = ['queued', 'soft-failed'] as const satisfies readonly TaskStatus[];

/** The table's row: what may follow `status`. */
export function nextTaskStatuses(status: TaskStatus): readonly TaskStatus[] {
  return TASK_STATUSES[status].next;
}

/** Whether `from → to` is a row of the table. */
export function isTaskTransition(from: TaskStatus, to: TaskStatus): boolean {
  return nextTaskStatuses(from).includes(to);
}

/** Whether the task waits to be given out. */
export function isOpenTask(status: TaskStatus): boolean {
  return (OPEN_TASK_STATUSES as readonly TaskStatus[]).includes(status);
}
