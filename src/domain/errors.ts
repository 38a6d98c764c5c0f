import type { InputIssue } from './input-issue.ts';
import type { JobStatus } from './job-status.ts';
import { quote } from './quote.ts';
import type { TaskStatus } from './task-status.ts';

/**
 * Errors that a user can cause. Each is a type of the API; whoever throws one inside a transaction writes nothing.
 * The messages are sentences for people: what was asked, why not, what would have worked.
 */
export abstract class UserError extends Error {
  abstract readonly code: ErrorCode;
}

// biome-ignore format: one row per line
export const ERROR_CODES = {
  NOT_FOUND:            'Nothing with this id is stored.',
  FORBIDDEN:            'The caller may not do this.',
  INVALID_INPUT:        'Some fields of the input are not allowed; every one is named.',
  ILLEGAL_TRANSITION:   'The status may not follow the present one.',
  JOB_NOT_DELETABLE:    'The job is running or being stopped.',
  DEPENDENCY_UNFINISHED: 'What the task depends on failed or was canceled.',
  IDEMPOTENCY_CONFLICT: 'The idempotency key was used with another input.',
  CURSOR_EXPIRED:       'The stream cannot be resumed from this cursor.',
  STALE_ATTEMPT:        'The attempt has ended already.',
  SESSION_ENDED:        'The worker session has ended.',
  VERSION_UNSUPPORTED:  'The worker speaks another version of the protocol.',
} as const satisfies Record<string, string>;
export type ErrorCode = keyof typeof ERROR_CODES;

// biome-ignore format: one row per line
export const TRANSITION_REFUSALS = {
  NOT_IN_TABLE:        'The table has no such row.',
  SET_BY_GATEWAY_ONLY: 'The table has the row, but only the gateway takes it.',
  NOT_IMPLEMENTED:     'The status is reserved.',
  JOB_IS_STOPPING:     'The job is being canceled; wait until it has ended.',
} as const satisfies Record<string, string>;
export type TransitionRefusal = keyof typeof TRANSITION_REFUSALS;

// biome-ignore format: one row per line
export const SESSION_ENDS = {
  SIGNED_ON_ELSEWHERE: 'The worker signed on again; this session is the older one.',
  DELETED:             'The worker was deleted.',
  UNKNOWN:             'No such session: sign on again.',
} as const satisfies Record<string, string>;
export type SessionEnd = keyof typeof SESSION_ENDS;

export class NotFoundError extends UserError {
  readonly code = 'NOT_FOUND';
  readonly noun: 'job' | 'task' | 'worker' | 'attempt';
  readonly id: string;
  constructor(noun: NotFoundError['noun'], id: string) {
    super(`There is no ${noun} with the id ${quote(id)}.`);
    this.noun = noun;
    this.id = id;
  }
}

export class ForbiddenError extends UserError {
  readonly code = 'FORBIDDEN';
  readonly requiredRole: Role;
  constructor(message: string, requiredRole: Role) {
    super(message);
    this.requiredRole = requiredRole;
  }
}

// biome-ignore format: one row per line
export const ROLES = {
  VIEWER:   'Reads everything.',
  ARTIST:   'Submits jobs and steers their own.',
  OPERATOR: 'Steers every job and worker.',
  ADMIN:    'Manages tokens and the farm.',
  WORKER:   'A worker: the worker protocol, for itself.',
} as const satisfies Record<string, string>;
export type Role = keyof typeof ROLES;

export class InvalidInputError extends UserError {
  readonly code = 'INVALID_INPUT';
  readonly issues: readonly InputIssue[];
  constructor(issues: readonly InputIssue[]) {
    super(issues.map((issue) => `${issue.path.join('.') || 'input'}: ${issue.message}`).join(' '));
    this.issues = issues;
  }
}

interface Refused<Status> {
  readonly from: Status;
  readonly to: Status;
  /** What the same mutation would accept now. */
  readonly allowed: readonly Status[];
  readonly refusal: TransitionRefusal;
}

export class JobTransitionError extends UserError {
  readonly code = 'ILLEGAL_TRANSITION';
  readonly jobId: string;
  readonly refused: Refused<JobStatus>;
  constructor(message: string, jobId: string, refused: Refused<JobStatus>) {
    super(message);
    this.jobId = jobId;
    this.refused = refused;
  }
}

export class TaskTransitionError extends UserError {
  readonly code = 'ILLEGAL_TRANSITION';
  readonly taskId: string;
  readonly refused: Refused<TaskStatus>;
  constructor(message: string, taskId: string, refused: Refused<TaskStatus>) {
    super(message);
    this.taskId = taskId;
    this.refused = refused;
  }
}

export class DependencyUnfinishedError extends UserError {
  readonly code = 'DEPENDENCY_UNFINISHED';
  readonly taskId: string;
  readonly dependencyIds: readonly string[];
  constructor(message: string, taskId: string, dependencyIds: readonly string[]) {
    super(message);
    this.taskId = taskId;
    this.dependencyIds = dependencyIds;
  }
}

export class JobNotDeletableError extends UserError {
  readonly code = 'JOB_NOT_DELETABLE';
  readonly jobId: string;
  constructor(message: string, jobId: string) {
    super(message);
    this.jobId = jobId;
  }
}

export class IdempotencyConflictError extends UserError {
  readonly code = 'IDEMPOTENCY_CONFLICT';
  readonly jobId: string;
  constructor(key: string, jobId: string) {
    super(`The idempotency key ${quote(key)} belongs to a job that was submitted with another input.`);
    this.jobId = jobId;
  }
}

export class CursorExpiredError extends UserError {
  readonly code = 'CURSOR_EXPIRED';
  readonly oldestCursor: string;
  constructor(message: string, oldestCursor: string) {
    super(message);
    this.oldestCursor = oldestCursor;
  }
}

export class StaleAttemptError extends UserError {
  readonly code = 'STALE_ATTEMPT';
  readonly attemptToken: string;
  constructor(attemptToken: string) {
    super('This attempt has ended; drop its work.');
    this.attemptToken = attemptToken;
  }
}

export class SessionEndedError extends UserError {
  readonly code = 'SESSION_ENDED';
  readonly reason: SessionEnd;
  constructor(reason: SessionEnd) {
    super(SESSION_ENDS[reason]);
    this.reason = reason;
  }
}

export class VersionUnsupportedError extends UserError {
  readonly code = 'VERSION_UNSUPPORTED';
  readonly supported: string;
  constructor(given: number, supported: string) {
    super(
      `The worker speaks version ${given} of the protocol; this gateway speaks ${supported}. Update the older one.`,
    );
    this.supported = supported;
  }
}
