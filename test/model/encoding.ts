import { JOB_STATUS_NAMES, type JobStatus } from '../../src/domain/job-status.ts';
import type { StatusReason } from '../../src/domain/status-reason.ts';
import { TASK_STATUS_NAMES } from '../../src/domain/task-status.ts';
import { findSymmetries, type Plan } from './plan.ts';
import { FRESH_TASK, type ModelTask, type State } from './state.ts';

/**
 * States as short strings, equal for states from which the same can follow: left out are the sequence, the number of
 * attempts, the reasons that nothing depends on, the failures of tasks that are done, and which of several symmetric
 * tasks is which. The number of open dependencies follows from the statuses.
 */
export interface Encoding {
  encode(state: State): string;
  decode(key: string): State;
}

export function makeEncoding(plan: Plan): Encoding {
  const symmetries = findSymmetries(plan).slice(1);
  return {
    encode({ job, tasks }) {
      const codes = tasks.map(encodeTask);
      let least = String.fromCharCode(...codes);
      for (const to of symmetries) {
        const other = String.fromCharCode(...to.map((task) => codes[task]!));
        if (other < least) least = other;
      }
      return String.fromCharCode(JOB_STATUS_NAMES.indexOf(job.status)) + least;
    },
    decode(key) {
      const tasks = plan.dependencies.map((_, index) => decodeTask(key.charCodeAt(index + 1)));
      return {
        plan,
        job: { status: JOB_STATUS_NAMES[key.charCodeAt(0)] as JobStatus, reason: 'SUBMITTED', sequence: 0 },
        tasks: tasks.map((task, index) => {
          const of = plan.dependencies[index] ?? [];
          if (of.length === 0) return task;
          return { ...task, openDependencies: of.filter((id) => tasks[id]!.status !== 'completed').length };
        }),
      };
    },
  };
}

// biome-ignore format: one order per line
const STOPS: readonly ModelTask['stop'][] = [
  null,
  { order: 'RECALLED', reason: 'HANDED_BACK' },
  { order: 'RECALLED', reason: 'DEPENDENCY_REQUEUED' },
  { order: 'CANCELED', reason: 'USER' },
  { order: 'CANCELED', reason: 'JOB_CANCELED' },
  { order: 'CANCELED', reason: 'JOB_FAILED' },
];
/** Whether a user canceled the task or its job makes no difference later. */
const CANCELED_REASONS: readonly StatusReason[] = ['USER', 'JOB_FAILED', 'DEPENDENCY_UNFINISHED'];

/** A task's digits, from the last: what its status says more (0–7), failed attempts (0–19), status. */
function encodeTask(task: ModelTask): number {
  const code = TASK_STATUS_NAMES.indexOf(task.status) * 160;
  switch (task.status) {
    case 'queued':
    case 'soft-failed':
      return code + task.failedAttempts * 8 + (task.backsOff ? 1 : 0) + (task.mayComeBack ? 2 : 0);
    case 'active':
      return code + task.failedAttempts * 8 + indexOfStop(task.stop);
    case 'canceled':
      return code + Math.max(0, CANCELED_REASONS.indexOf(task.reason));
    default:
      return code;
  }
}

function indexOfStop(stop: ModelTask['stop']): number {
  if (!stop) return 0;
  for (let index = 1; index < STOPS.length; index++)
    if (STOPS[index]!.order === stop.order && STOPS[index]!.reason === stop.reason) return index;
  throw new Error(`No stop order is ${stop.order} because of ${stop.reason}.`);
}

const decoded = new Map<number, ModelTask>();

function decodeTask(code: number): ModelTask {
  const known = decoded.get(code);
  if (known) return known;
  const status = TASK_STATUS_NAMES[Math.floor(code / 160)]!;
  const more = code % 8;
  const isOpen = status === 'queued' || status === 'soft-failed';
  const task: ModelTask = {
    ...FRESH_TASK,
    status,
    reason: status === 'canceled' ? CANCELED_REASONS[more]! : 'SUBMITTED',
    failedAttempts: Math.floor(code / 8) % 20,
    attemptCount: 1,
    stop: status === 'active' ? STOPS[more]! : null,
    mayComeBack: isOpen && more >= 2,
    backsOff: isOpen && more % 2 === 1,
  };
  decoded.set(code, task);
  return task;
}
