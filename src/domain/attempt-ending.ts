import { ATTEMPT_OUTCOMES, type AttemptOutcome, FAILURE_REASONS, type StopOrder } from './attempt-outcome.ts';
import type { StatusReason } from './status-reason.ts';
import type { TaskStatus } from './task-status.ts';

/** What an attempt's end makes of its task. */
export interface TaskEnding {
  /** Each status that the task passes, with the reason; the first one follows `active`. */
  readonly path: readonly { readonly to: TaskStatus; readonly reason: StatusReason }[];
  /** Whether the end counts as a failure of the task. */
  readonly isCounted: boolean;
}

export interface EndedTask {
  readonly failedAttempts: number;
  readonly openDependencies: number;
}

/**
 * The table of endings: an attempt's outcome and the stop order that was out when it ended give the task's next status.
 *
 * | end                           | no stop order                                             | RECALLED                                   | CANCELED  |
 * | completed                     | completed (→ queued when a dependency is open again)      | same                                       | completed |
 * | failed, timed out, lease ended | counted: soft-failed, or failed at the last one          | not counted: soft-failed (→ queued if it never failed) | canceled  |
 * | stopped, handed back          | not counted: soft-failed (→ queued if it never failed)    | same                                       | canceled  |
 */
export function endTask(
  outcome: AttemptOutcome,
  order: { readonly order: StopOrder; readonly reason: StatusReason } | null,
  task: EndedTask,
  maxAttempts: number,
): TaskEnding {
  if (outcome === 'COMPLETED') {
    const waitsAgain = task.openDependencies > 0 && order?.order !== 'CANCELED';
    return {
      path: [
        { to: 'completed', reason: 'FINISHED' },
        ...(waitsAgain ? [{ to: 'queued', reason: 'DEPENDENCY_REQUEUED' } as const] : []),
      ],
      isCounted: false,
    };
  }
  if (order?.order === 'CANCELED') return { path: [{ to: 'canceled', reason: order.reason }], isCounted: false };
  if (ATTEMPT_OUTCOMES[outcome].counted && order === null) {
    const reason = FAILURE_REASONS[outcome as keyof typeof FAILURE_REASONS];
    return {
      path: [{ to: task.failedAttempts + 1 >= maxAttempts ? 'failed' : 'soft-failed', reason }],
      isCounted: true,
    };
  }
  // A recall has a reason of its own when a dependency was requeued.
  const reason = order?.reason ?? 'HANDED_BACK';
  return {
    path: [{ to: 'soft-failed', reason }, ...(task.failedAttempts === 0 ? [{ to: 'queued', reason } as const] : [])],
    isCounted: false,
  };
}
