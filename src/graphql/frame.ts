import { InvalidInputError } from '../domain/errors.ts';
import {
  FIRST_FRAME,
  FRAME_RANGE_ALLOWED,
  FrameRangeError,
  LAST_FRAME,
  parseFrameRange,
} from '../domain/frame-range.ts';
import { encodeCursor } from '../feed/cursor.ts';
import { byId } from '../feed/read-together.ts';
import { countFrames, type Frame, type FramePlace, ORDER_OF_FRAMES, readFrames } from '../store/frames.ts';
import type { SortValue } from '../store/page-window.ts';
import { type FramesChange, requeueFrames } from '../store/requeue-frames.ts';
import { COMMENT } from './action-input.ts';
import { builder } from './builder.ts';
import { connectionOf } from './connection.ts';
import { actorOf } from './context.ts';
import { orUserError, resultUnion } from './errors.ts';
import { encodeId, requireId } from './global-id.ts';
import { CHECKS, findIssues, refuseIssues } from './input.ts';
import { noCursor, readPage } from './page.ts';
import { readForSiblings } from './siblings.ts';
import { TaskStatusEnum } from './status.ts';
import { readJob, readTasks } from './stored.ts';

/** The frames of jobs. They are no nodes: a frame is a number in a task. */

const FrameType = builder.objectRef<Frame>('Frame').implement({
  description: 'One frame of a job.',
  fields: (t) => ({
    number: t.exposeInt('number', { description: 'Its number in the scene.' }),
    status: t.expose('status', {
      type: TaskStatusEnum,
      description: "Its task's status; COMPLETED as soon as the attempt that is executing the task has saved it.",
    }),
    task: t.prismaField({
      type: 'Task',
      description: 'The task that holds it.',
      resolve: async (query, { taskId }, _args, context, info) => {
        const { task } = context.store.prisma;
        const read = readForSiblings(context, info, 'tasks', async (ids) =>
          byId(await task.findMany({ ...query, where: { id: { in: ids } } })),
        );
        const found = await read(taskId);
        if (!found) throw new Error(`The task ${taskId} was deleted while its frames were read.`);
        return found;
      },
    }),
    path: t.exposeString('path', {
      nullable: true,
      description: 'Where its file was last put; null until it is saved for the first time.',
    }),
    imageUrl: t.string({
      nullable: true,
      description:
        "Where a small JPEG of it is: a path on this gateway's address, another one for another picture. Null when there is none; until a requeued frame is rendered anew, it is the old one.",
      resolve: ({ jobId, number, pictureId }) =>
        pictureId && `/frames/${encodeURIComponent(encodeId('Job', jobId))}/${number}.jpg?v=${pictureId}`,
    }),
    renderSeconds: t.exposeFloat('renderSeconds', {
      nullable: true,
      description: 'Seconds that it last took; null when it was not rendered here.',
    }),
  }),
});

const FrameConnection = connectionOf('Frame', FrameType, 'frames');

builder.prismaObjectFields('Job', (t) => ({
  frames: t.field({
    type: FrameConnection,
    description: 'Its frames by their numbers.',
    args: {
      first: t.arg.int({ description: 'How many, from 1 to 100; 50 when nothing is given.' }),
      after: t.arg.string({ description: 'The cursor of the frame before the page.' }),
      status: t.arg({ type: TaskStatusEnum, description: 'Only those with this status.' }),
    },
    resolve: ({ id, framesTotal }, { status, ...page }, context, info) => {
      const { pool } = context.store;
      return readPage<Frame>(page, {
        order: ORDER_OF_FRAMES,
        async read({ after, take: limit }) {
          const wanted = { after: after ? placeOf(after) : undefined, status, limit };
          const read = readForSiblings(context, info, 'frames', (jobIds) => readFrames(pool, jobIds, wanted));
          return (await read(id)) ?? [];
        },
        async count() {
          if (!status) return framesTotal;
          const count = readForSiblings(context, info, 'count', (jobIds) => countFrames(pool, jobIds, status));
          return (await count(id)) ?? 0;
        },
      });
    },
  }),
  latestFrame: t.field({
    type: FrameType,
    nullable: true,
    description: 'The frame that was saved last; null before the first one.',
    resolve: ({ latestOutputId }, _args, context) => (latestOutputId ? context.frameOfOutput(latestOutputId) : null),
  }),
}));

/** @throws GraphQLError BAD_REQUEST */
function placeOf(place: readonly SortValue[]): FramePlace {
  const [number, taskIndex] = place.map(Number) as [number, number];
  if (number < FIRST_FRAME || number > LAST_FRAME) throw noCursor('after');
  return { number, taskIndex };
}

const RequeueFramesInput = builder.inputType('RequeueFramesInput', {
  description: 'Which frames to render again.',
  fields: (t) => ({
    jobId: t.id({ required: true, description: 'The job.' }),
    frames: t.string({ required: true, description: 'Its frames, as `57,60-62`.' }),
    comment: t.string({ description: COMMENT }),
  }),
});
const RequeueFramesSuccess = builder.objectRef<FramesChange>('RequeueFramesSuccess').implement({
  description: 'The tasks that hold the frames wait to be executed again.',
  fields: (t) => ({
    job: t.prismaField({ type: 'Job', description: 'The job as it is now.', resolve: readJob }),
    tasks: t.prismaField({
      type: ['Task'],
      description: 'The tasks that were put back, whole, as they are now: without those that were queued already.',
      resolve: readTasks,
    }),
    cursor: t.field({
      type: 'Cursor',
      description: 'Where the change stands in the event feed.',
      resolve: ({ position }, _args, { feed }) => encodeCursor(feed, position),
    }),
  }),
});
const RequeueFramesResult = resultUnion('RequeueFramesResult', RequeueFramesSuccess, [
  'NotFoundError',
  'InvalidInputError',
  'TaskTransitionError',
  'DependencyUnfinishedError',
  'ForbiddenError',
]);

builder.mutationField('requeueFrames', (t) =>
  t.field({
    type: RequeueFramesResult,
    description:
      'Has frames rendered again, with the whole tasks that hold them and what depends on those; skipExisting does not spare them. Tasks that are queued already are left as they are; when one is active, all is refused.',
    args: { input: t.arg({ type: RequeueFramesInput, required: true, description: 'Which frames.' }) },
    resolve: (_root, { input: { jobId, frames, comment } }, context) =>
      orUserError(() => {
        refuseIssues(findIssues({ comment }, { comment: CHECKS.comment }));
        const asker = { actor: actorOf(context), comment };
        return requeueFrames(context.store, requireId('Job', jobId), readFrameRange(frames), asker);
      }),
  }),
);

/** @throws InvalidInputError */
function readFrameRange(given: string): readonly number[] {
  try {
    return parseFrameRange(given);
  } catch (error) {
    if (!(error instanceof FrameRangeError)) throw error;
    throw new InvalidInputError([{ path: ['frames'], message: error.message, given, allowed: FRAME_RANGE_ALLOWED }]);
  }
}
