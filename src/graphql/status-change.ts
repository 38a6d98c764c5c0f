import { UserError } from '../domain/errors.ts';
import type { JobStatus } from '../domain/job-status.ts';
import type { TaskStatus } from '../domain/task-status.ts';
import { type ChangeBatch, isCaughtUp, MAX_BATCH } from '../feed/change-batch.ts';
import { encodeCursor } from '../feed/cursor.ts';
import { positionOf, type StatusChange } from '../feed/event-row.ts';
import { type ChangesWish, followChanges, readOfJobs, readOnce } from '../feed/follow-changes.ts';
import { builder, enumFromTable } from './builder.ts';
import { readCursorArgument } from './cursor-argument.ts';
import { orUserError, orUserErrorMessage, resultUnion, showEvent } from './errors.ts';
import { encodeId, requireId } from './global-id.ts';
import { CHECKS, findIssues, refuseArguments } from './input.ts';
import { checkSize } from './page.ts';
import { readForSiblings } from './siblings.ts';
import { JobStatusEnum, StatusReasonEnum, TaskStatusEnum } from './status.ts';

/** What happened, in order and complete: the event feed. */

const TYPE_NAMES = { job: 'JobStatusChange', task: 'TaskStatusChange', deletion: 'JobDeletion' } as const;

const StatusChangeInterface = builder.interfaceRef<StatusChange>('StatusChange').implement({
  description: 'Something that happened to a job or to one of its tasks.',
  resolveType: ({ row }) => TYPE_NAMES[row.kind],
  fields: (t) => ({
    cursor: t.field({
      type: 'Cursor',
      description: 'Where it stands in the feed.',
      resolve: (change, _args, { feed }) => encodeCursor(feed, positionOf(change)),
    }),
    sequence: t.int({
      description: 'Its number among the changes of its job: from 1, without a gap.',
      resolve: ({ row, index }) => row.firstSequence + index,
    }),
    jobId: t.id({ description: 'The job.', resolve: ({ row }) => encodeId('Job', row.jobId) }),
    at: t.field({ type: 'DateTime', description: 'When it happened.', resolve: ({ row }) => row.at }),
    actor: t.string({ description: 'Who or what did it.', resolve: ({ row }) => row.actor }),
    reason: t.field({ type: StatusReasonEnum, description: 'Why.', resolve: ({ row }) => row.reason }),
    message: t.string({
      nullable: true,
      description: 'Why, in words: the comment of a user, or what failed.',
      resolve: ({ row }) => row.message,
    }),
  }),
});

builder.objectRef<StatusChange>(TYPE_NAMES.job).implement({
  description: 'A job got another status.',
  interfaces: [StatusChangeInterface],
  fields: (t) => ({
    jobFrom: t.field({
      type: JobStatusEnum,
      nullable: true,
      description: 'The status before; null when it was submitted.',
      resolve: ({ row }) => row.from as JobStatus | null,
    }),
    jobTo: t.field({
      type: JobStatusEnum,
      description: 'The status since.',
      resolve: ({ row }) => row.to as JobStatus,
    }),
  }),
});

builder.objectRef<StatusChange>(TYPE_NAMES.task).implement({
  description: 'A task got another status.',
  interfaces: [StatusChangeInterface],
  fields: (t) => ({
    taskId: t.id({
      description: 'The task.',
      resolve: (change) => encodeId('Task', ofTask(change, change.row.taskIds)),
    }),
    taskName: t.string({
      description: 'What it is called.',
      resolve: (change) => ofTask(change, change.row.taskNames),
    }),
    attemptNumber: t.int({
      nullable: true,
      description: 'The attempt that it is about; null when none is concerned.',
      resolve: (change) => ofTask(change, change.row.attemptNumbers) || null,
    }),
    taskFrom: t.field({
      type: TaskStatusEnum,
      description: 'The status before.',
      resolve: ({ row }) => row.from as TaskStatus,
    }),
    taskTo: t.field({
      type: TaskStatusEnum,
      description: 'The status since.',
      resolve: ({ row }) => row.to as TaskStatus,
    }),
  }),
});

builder.objectRef<StatusChange>(TYPE_NAMES.deletion).implement({
  description: 'A job was deleted: its last change. What happened to it stays readable for a while.',
  interfaces: [StatusChangeInterface],
});

function ofTask<Item>({ row, index }: StatusChange, items: readonly Item[]): Item {
  return items[index - row.skipped]!;
}

const StatusChangeBatch = builder.objectRef<ChangeBatch>('StatusChangeBatch').implement({
  description: 'Changes that follow each other. An empty one is a bookmark: it only says how far the stream is.',
  fields: (t) => ({
    changes: t.field({
      type: [StatusChangeInterface],
      description: 'At most 1,000, in order.',
      resolve: ({ changes }) => [...changes],
    }),
    cursor: t.field({
      type: 'Cursor',
      description: 'How far the stream is, what the filter left out included: given as `after`, it goes on from here.',
      resolve: ({ position, seenAt }, _args, { feed }) => encodeCursor(feed, position, seenAt),
    }),
    caughtUp: t.boolean({
      description: 'True when there was nothing more at that time; false when more follows at once.',
      resolve: isCaughtUp,
    }),
  }),
});

const StatusChangesResult = resultUnion('StatusChangesResult', StatusChangeBatch, [
  'CursorExpiredError',
  'NotFoundError',
]);

const FeedStartEnum = enumFromTable('FeedStart', 'Where a stream begins that has no cursor.', {
  OLDEST: 'With the oldest change that is still stored.',
  NOW: 'With what happens from now on.',
});

const StatusChangeFilter = builder.inputType('StatusChangeFilter', {
  description: 'Which changes: those for which everything that is given holds.',
  fields: (t) => ({
    submitter: t.string({ description: 'Only those of jobs of this submitter.' }),
    jobTypes: t.stringList({ description: 'Only those of jobs of these job types.' }),
    jobsOnly: t.boolean({ defaultValue: false, description: 'Only those of jobs, not those of tasks.' }),
  }),
});

interface Arguments {
  readonly jobId?: string | number | null;
  readonly filter?: typeof StatusChangeFilter.$inferInput | null;
  readonly after?: string | null;
  readonly startAt: 'OLDEST' | 'NOW';
}

/** @throws NotFoundError, GraphQLError BAD_REQUEST */
function readArguments({ jobId, filter, after, startAt }: Arguments): ChangesWish {
  const checks = { submitter: CHECKS.search, jobTypes: CHECKS.searches };
  refuseArguments('filter', findIssues<typeof StatusChangeFilter.$inferInput>(filter ?? {}, checks));
  return {
    filter: {
      jobId: jobId == null ? null : requireId('Job', String(jobId)),
      submitter: filter?.submitter ?? null,
      jobTypes: filter?.jobTypes ?? null,
      jobsOnly: filter?.jobsOnly ?? false,
    },
    after: readCursorArgument(after),
    startAt,
  };
}

const AFTER = 'The cursor after which it goes on, with no gap and no repeat.';
const JOB_ID = 'Only the changes of this job.';
const FILTER = 'Which changes; the cursor moves over what is left out.';

builder.queryField('statusChanges', (t) =>
  t.field({
    type: StatusChangesResult,
    description: 'What happened, in order: as the subscription, one batch at a time.',
    args: {
      jobId: t.arg.id({ description: JOB_ID }),
      filter: t.arg({ type: StatusChangeFilter, description: FILTER }),
      after: t.arg({ type: 'Cursor', description: AFTER }),
      startAt: t.arg({
        type: FeedStartEnum,
        required: true,
        defaultValue: 'OLDEST',
        description: 'Where it begins when there is no `after`.',
      }),
      first: t.arg.int({
        required: true,
        defaultValue: 500,
        description: 'How many changes at most, from 1 to 1,000.',
      }),
    },
    resolve: (_root, { first, ...args }, { feed }) =>
      orUserError(() => {
        checkSize('first', first, MAX_BATCH);
        return readOnce(feed, readArguments(args), first);
      }),
  }),
);

builder.prismaObjectField('Job', 'statusChanges', (t) =>
  t.field({
    type: StatusChangesResult,
    description: 'What happened to it, in order, from the beginning or from a cursor on.',
    args: {
      first: t.arg.int({
        required: true,
        defaultValue: 100,
        description: 'How many changes at most, from 1 to 1,000.',
      }),
      after: t.arg({ type: 'Cursor', description: AFTER }),
    },
    resolve: ({ id }, { first, after }, context, info) =>
      orUserError(async () => {
        checkSize('first', first, MAX_BATCH);
        const { feed } = context;
        const cursor = readCursorArgument(after);
        const read = readForSiblings(context, info, 'changes', (ids) => readOfJobs(feed, ids, cursor, first));
        const batch = (await read(id))!;
        if (batch instanceof UserError) throw batch;
        return batch;
      }),
  }),
);

builder.subscriptionField('statusChanges', (t) =>
  t.field({
    type: StatusChangesResult,
    description:
      'What happens, every change once and in order. The first message comes at once; a quiet stream gets a bookmark every 15 seconds. After a lost connection give the last cursor as `after`. An error is the last message; the stream of a job ends when the job is deleted.',
    args: {
      jobId: t.arg.id({ description: JOB_ID }),
      filter: t.arg({ type: StatusChangeFilter, description: FILTER }),
      after: t.arg({ type: 'Cursor', description: AFTER }),
      startAt: t.arg({
        type: FeedStartEnum,
        required: true,
        defaultValue: 'NOW',
        description: 'Where it begins when there is no `after`.',
      }),
    },
    subscribe: (_root, args, { feed, signal }) =>
      orUserErrorMessage(() => followChanges(feed, readArguments(args), signal)),
    resolve: (event) => showEvent(event),
  }),
);
