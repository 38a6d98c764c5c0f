import type { ObjectRef, UnionRef } from '@pothos/core';
import {
  type CursorExpiredError,
  type DependencyUnfinishedError,
  type ForbiddenError,
  type IdempotencyConflictError,
  type InvalidInputError,
  type JobNotDeletableError,
  type JobTransitionError,
  NotFoundError,
  type SessionEndedError,
  type StaleAttemptError,
  type TaskTransitionError,
  UserError,
  type VersionUnsupportedError,
} from '../domain/errors.ts';
import type { InputIssue } from '../domain/input-issue.ts';
import { builder } from './builder.ts';
import { showGiven } from './given.ts';
import { globaliseNotFound } from './global-id.ts';
import {
  ErrorCodeEnum,
  JobStatusEnum,
  RoleEnum,
  SessionEndEnum,
  TaskStatusEnum,
  TransitionRefusalEnum,
} from './status.ts';
import { readJob, readTask } from './stored.ts';

/*
 * Errors that a user can cause: each is a class of the domain and a type of the same name here. What a resolver throws of
 * them becomes a member of its union; everything else is unexpected, masked for the client and logged.
 */

const ErrorInterface = builder.interfaceRef<UserError>('Error').implement({
  description: 'What every error of a result has.',
  fields: (t) => ({
    code: t.expose('code', { type: ErrorCodeEnum, description: 'The kind, for programs.' }),
    message: t.exposeString('message', {
      description: 'A sentence for people: what was asked, why not, what would have worked.',
    }),
  }),
});

const NotFound = builder.objectRef<NotFoundError>('NotFoundError').implement({
  description: 'Nothing with this id is stored.',
  interfaces: [ErrorInterface],
  fields: (t) => ({ id: t.exposeID('id', { description: 'The id as it was given.' }) }),
});

const Forbidden = builder.objectRef<ForbiddenError>('ForbiddenError').implement({
  description: 'The caller may not do this.',
  interfaces: [ErrorInterface],
  fields: (t) => ({ requiredRole: t.expose('requiredRole', { type: RoleEnum, description: 'Who may.' }) }),
});

const Issue = builder.objectRef<InputIssue>('InputIssue').implement({
  description: 'One thing that is wrong with an input.',
  fields: (t) => ({
    path: t.field({
      type: ['String'],
      description: 'From the input\'s fields, as ["settings", "frames"].',
      resolve: ({ path }) => [...path],
    }),
    message: t.exposeString('message', { description: 'What is wrong.' }),
    given: t.field({
      type: 'JSON',
      nullable: true,
      description: 'The value that was given; null when nothing was, or too much to be repeated.',
      resolve: ({ given }) => showGiven(given),
    }),
    allowed: t.exposeString('allowed', { nullable: true, description: 'What is allowed.' }),
  }),
});

const InvalidInput = builder.objectRef<InvalidInputError>('InvalidInputError').implement({
  description: 'Some fields of the input are not allowed.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    issues: t.field({ type: [Issue], description: 'All of them at once.', resolve: ({ issues }) => [...issues] }),
  }),
});

const JobTransition = builder.objectRef<JobTransitionError>('JobTransitionError').implement({
  description: 'The job may not get this status now.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    job: t.prismaField({
      type: 'Job',
      description: 'The job, unchanged.',
      resolve: readJob,
    }),
    from: t.field({ type: JobStatusEnum, description: 'Its status.', resolve: ({ refused }) => refused.from }),
    to: t.field({
      type: JobStatusEnum,
      description: 'The status that was asked for.',
      resolve: ({ refused }) => refused.to,
    }),
    allowed: t.field({
      type: [JobStatusEnum],
      description: 'What the same mutation would accept now.',
      resolve: ({ refused }) => [...refused.allowed],
    }),
    refusal: t.field({ type: TransitionRefusalEnum, description: 'Why.', resolve: ({ refused }) => refused.refusal }),
  }),
});

const TaskTransition = builder.objectRef<TaskTransitionError>('TaskTransitionError').implement({
  description: 'The task may not get this status now.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    task: t.prismaField({
      type: 'Task',
      description: 'The task, unchanged.',
      resolve: readTask,
    }),
    from: t.field({ type: TaskStatusEnum, description: 'Its status.', resolve: ({ refused }) => refused.from }),
    to: t.field({
      type: TaskStatusEnum,
      description: 'The status that was asked for.',
      resolve: ({ refused }) => refused.to,
    }),
    allowed: t.field({
      type: [TaskStatusEnum],
      description: 'What the same mutation would accept now.',
      resolve: ({ refused }) => [...refused.allowed],
    }),
    refusal: t.field({ type: TransitionRefusalEnum, description: 'Why.', resolve: ({ refused }) => refused.refusal }),
  }),
});

const DependencyUnfinished = builder.objectRef<DependencyUnfinishedError>('DependencyUnfinishedError').implement({
  description: 'What the task depends on failed or was canceled: requeue that first.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    task: t.prismaField({
      type: 'Task',
      description: 'The task, unchanged.',
      resolve: readTask,
    }),
    dependencies: t.prismaField({
      type: ['Task'],
      description: 'The dependencies that failed or were canceled.',
      resolve: (query, { dependencyIds }, _args, { store }) =>
        store.prisma.task.findMany({ ...query, where: { id: { in: [...dependencyIds] } }, orderBy: { index: 'asc' } }),
    }),
  }),
});

const JobNotDeletable = builder.objectRef<JobNotDeletableError>('JobNotDeletableError').implement({
  description: 'The job is running or being stopped.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    job: t.prismaField({
      type: 'Job',
      description: 'The job.',
      resolve: readJob,
    }),
  }),
});

const IdempotencyConflict = builder.objectRef<IdempotencyConflictError>('IdempotencyConflictError').implement({
  description: 'The idempotency key was used with another input.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    job: t.prismaField({
      type: 'Job',
      description: 'The job that was submitted with this key.',
      resolve: readJob,
    }),
  }),
});

const CursorExpired = builder.objectRef<CursorExpiredError>('CursorExpiredError').implement({
  description: 'The stream cannot be resumed from this cursor: it is of another database or too old.',
  interfaces: [ErrorInterface],
  fields: (t) => ({ oldestCursor: t.expose('oldestCursor', { type: 'Cursor', description: 'Where to start over.' }) }),
});

const StaleAttempt = builder.objectRef<StaleAttemptError>('StaleAttemptError').implement({
  description: 'The attempt has ended already: drop its work.',
  interfaces: [ErrorInterface],
  fields: (t) => ({ attemptToken: t.exposeString('attemptToken', { description: "The attempt's token." }) }),
});

const SessionEnded = builder.objectRef<SessionEndedError>('SessionEndedError').implement({
  description: 'The worker session has ended.',
  interfaces: [ErrorInterface],
  fields: (t) => ({ reason: t.expose('reason', { type: SessionEndEnum, description: 'Why.' }) }),
});

const VersionUnsupported = builder.objectRef<VersionUnsupportedError>('VersionUnsupportedError').implement({
  description: 'The worker speaks another version of the protocol.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    supported: t.exposeString('supported', { description: 'The versions that this gateway speaks.' }),
  }),
});

const ERROR_TYPES = {
  NotFoundError: NotFound,
  ForbiddenError: Forbidden,
  InvalidInputError: InvalidInput,
  JobTransitionError: JobTransition,
  TaskTransitionError: TaskTransition,
  DependencyUnfinishedError: DependencyUnfinished,
  JobNotDeletableError: JobNotDeletable,
  IdempotencyConflictError: IdempotencyConflict,
  CursorExpiredError: CursorExpired,
  StaleAttemptError: StaleAttempt,
  SessionEndedError: SessionEnded,
  VersionUnsupportedError: VersionUnsupported,
};

type Types = typeof builder extends PothosSchemaTypes.SchemaBuilder<infer T> ? T : never;

/** The union of a success and the errors that a field can give; a resolver returns the success's shape or a UserError. */
export function resultUnion<Success extends object>(
  name: string,
  success: ObjectRef<Types, Success>,
  errors: readonly (keyof typeof ERROR_TYPES)[],
): UnionRef<Types, Success | UserError> {
  const union = builder.unionType(name, {
    description: `${success.name}, or what went wrong.`,
    types: [success, ...errors.map((error) => ERROR_TYPES[error])] as ObjectRef<Types, object>[],
    resolveType: (value: object) => ERROR_NAMES.get(value) ?? success.name,
  });
  return union as unknown as UnionRef<Types, Success | UserError>;
}

const ERROR_NAMES = new WeakMap<object, string>();

/** An error as a member of a result. GraphQL takes an Error that is returned for one that is thrown, so this is a plain copy. */
export function toResult<Thrown extends UserError>(error: Thrown): Thrown {
  const copy = { ...error, message: error.message };
  ERROR_NAMES.set(copy, error.constructor.name);
  return copy;
}

/** Runs a resolver; an error that a user caused becomes its result. */
export async function orUserError<Result>(run: () => Promise<Result> | Result): Promise<Result | UserError> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof NotFoundError) return toResult(globaliseNotFound(error));
    if (error instanceof UserError) return toResult(error);
    throw error;
  }
}

/** A stream; an error that a user caused becomes its only message. */
export function orUserErrorMessage<Event>(open: () => AsyncIterable<Event>): AsyncIterable<Event | UserError> {
  try {
    return open();
  } catch (error) {
    if (error instanceof UserError) return onlyMessage(error);
    throw error;
  }
}

/** An event of a stream as it is shown: an error as a member of the result, with the ids that the caller knows. */
export function showEvent<Event>(event: Event): Event {
  if (event instanceof NotFoundError) return toResult(globaliseNotFound(event)) as Event;
  return event instanceof UserError ? toResult(event) : event;
}

/** A stream of one message. */
export async function* onlyMessage<Item>(item: Item): AsyncGenerator<Item> {
  yield item;
}
