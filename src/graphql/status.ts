import { ATTEMPT_OUTCOMES, FAILURE_KINDS } from '../domain/attempt-outcome.ts';
import { ERROR_CODES, ROLES, SESSION_ENDS, TRANSITION_REFUSALS } from '../domain/errors.ts';
import { JOB_STATUS_NAMES, JOB_STATUSES, type JobStatus, nextJobStatuses } from '../domain/job-status.ts';
import { WAITING_REASONS } from '../domain/order-of-work.ts';
import { STATUS_REASONS } from '../domain/status-reason.ts';
import { nextTaskStatuses, TASK_STATUS_NAMES, TASK_STATUSES, type TaskStatus } from '../domain/task-status.ts';
import { REQUEST_TIMINGS, WORKER_STATUS_REQUESTS, WORKER_STATUSES } from '../domain/worker-status.ts';
import { builder, enumFromTable } from './builder.ts';

// biome-ignore format: one enum per line
export const JobStatusEnum = enumFromTable('JobStatus', 'Where a job stands.', JOB_STATUSES);
export const TaskStatusEnum = enumFromTable('TaskStatus', 'Where a task stands.', TASK_STATUSES);
export const StatusReasonEnum = enumFromTable('StatusReason', 'Why a status changed.', STATUS_REASONS);
export const WaitingReasonEnum = enumFromTable(
  'WaitingReason',
  'Why a task waits: the first reason that holds, in this order.',
  WAITING_REASONS,
);
export const AttemptOutcomeEnum = enumFromTable('AttemptOutcome', 'How an attempt ended.', ATTEMPT_OUTCOMES);
export const FailureKindEnum = enumFromTable('FailureKind', 'What went wrong in an attempt.', FAILURE_KINDS);
export const TransitionRefusalEnum = enumFromTable(
  'TransitionRefusal',
  'Why a status was refused.',
  TRANSITION_REFUSALS,
);
export const WorkerStatusEnum = enumFromTable('WorkerStatus', 'Where a worker stands.', WORKER_STATUSES);
export const WorkerStatusRequestEnum = enumFromTable(
  'WorkerStatusRequest',
  'What a worker can be asked to do.',
  WORKER_STATUS_REQUESTS,
);
export const RequestTimingEnum = enumFromTable(
  'RequestTiming',
  'When a worker is to do what it is asked.',
  REQUEST_TIMINGS,
);
export const ErrorCodeEnum = enumFromTable('ErrorCode', 'The kind of an error, for programs.', ERROR_CODES);
export const RoleEnum = enumFromTable('Role', 'What a caller may do.', ROLES);
export const SessionEndEnum = enumFromTable(
  'SessionEnd',
  'Why a session has ended. Only after UNKNOWN a worker signs on again.',
  SESSION_ENDS,
);

const JobStatusInfo = builder.objectRef<{ status: JobStatus }>('JobStatusInfo').implement({
  description: "One row of the job statuses' table.",
  fields: (t) => ({
    status: t.expose('status', { type: JobStatusEnum, description: 'The status.' }),
    meaning: t.string({ description: 'What it means.', resolve: ({ status }) => JOB_STATUSES[status].meaning }),
    possibleNextStatuses: t.field({
      type: [JobStatusEnum],
      description: 'What may follow it.',
      resolve: ({ status }) => [...nextJobStatuses(status)],
    }),
  }),
});

const TaskStatusInfo = builder.objectRef<{ status: TaskStatus }>('TaskStatusInfo').implement({
  description: "One row of the task statuses' table.",
  fields: (t) => ({
    status: t.expose('status', { type: TaskStatusEnum, description: 'The status.' }),
    meaning: t.string({ description: 'What it means.', resolve: ({ status }) => TASK_STATUSES[status].meaning }),
    possibleNextStatuses: t.field({
      type: [TaskStatusEnum],
      description: 'What may follow it.',
      resolve: ({ status }) => [...nextTaskStatuses(status)],
    }),
  }),
});

builder.queryFields((t) => ({
  jobStatuses: t.field({
    type: [JobStatusInfo],
    description: "The job statuses' table, in the order of the documentation.",
    resolve: () => JOB_STATUS_NAMES.map((status) => ({ status })),
  }),
  taskStatuses: t.field({
    type: [TaskStatusInfo],
    description: "The task statuses' table, in the order of the documentation.",
    resolve: () => TASK_STATUS_NAMES.map((status) => ({ status })),
  }),
}));
