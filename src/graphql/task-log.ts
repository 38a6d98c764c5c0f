import { encodeLogCursor } from '../feed/cursor.ts';
import { followLog, type LogWish, readLogOnce } from '../feed/follow-log.ts';
import type { LogPage } from '../feed/log-page.ts';
import { builder } from './builder.ts';
import { readCursorArgument } from './cursor-argument.ts';
import { orUserError, orUserErrorMessage, resultUnion, showEvent } from './errors.ts';
import { requireId } from './global-id.ts';
import { checkSize } from './page.ts';

/** What the programs of an attempt have printed. */

const MAX_BYTES = 1_048_576;

const TaskLogChunk = builder.objectRef<LogPage>('TaskLogChunk').implement({
  description:
    'A piece of the log of an attempt. Control characters other than line feed and tab are shown as signs; the bytes as they are: `Attempt.logUrl`.',
  fields: (t) => ({
    attemptNumber: t.int({ description: 'The attempt.', resolve: ({ attempt }) => attempt.number }),
    text: t.exposeString('text', { description: 'The text; whole characters.' }),
    cursor: t.field({
      type: 'Cursor',
      description: 'How far it goes: given as `after`, the log goes on from here.',
      resolve: ({ attempt, next }, _args, { feed }) => encodeLogCursor(feed, attempt.id, next),
    }),
    caughtUp: t.boolean({
      description: 'True when that is all there is at present.',
      resolve: (page) => page.isCaughtUp,
    }),
    ended: t.boolean({
      description: 'True when the attempt has ended and nothing follows.',
      resolve: (page) => page.hasEnded,
    }),
  }),
});
const TaskLogResult = resultUnion('TaskLogResult', TaskLogChunk, ['CursorExpiredError', 'NotFoundError']);

interface Arguments {
  readonly taskId: string | number;
  readonly attemptNumber?: number | null;
  readonly after?: string | null;
}

/** @throws NotFoundError, GraphQLError BAD_REQUEST */
function readArguments({ taskId, attemptNumber, after }: Arguments): LogWish {
  return {
    taskId: requireId('Task', String(taskId)),
    givenId: String(taskId),
    attemptNumber: attemptNumber ?? null,
    after: readCursorArgument(after),
  };
}

const TASK_ID = 'The task.';
const ATTEMPT_NUMBER = 'Which attempt; the newest one when nothing is given, or that of the cursor.';
const AFTER = 'The cursor after which it goes on; from the first byte when nothing is given.';

builder.queryField('taskLog', (t) =>
  t.field({
    type: TaskLogResult,
    description: 'A piece of the log of an attempt.',
    args: {
      taskId: t.arg.id({ required: true, description: TASK_ID }),
      attemptNumber: t.arg.int({ description: ATTEMPT_NUMBER }),
      after: t.arg({ type: 'Cursor', description: AFTER }),
      maxBytes: t.arg.int({
        required: true,
        defaultValue: 65_536,
        description: 'How much at most, from 1 to 1,048,576 bytes.',
      }),
    },
    resolve: (_root, { maxBytes, ...args }, { feed }) =>
      orUserError(() => {
        checkSize('maxBytes', maxBytes, MAX_BYTES);
        return readLogOnce(feed, readArguments(args), maxBytes);
      }),
  }),
);

builder.subscriptionField('taskLog', (t) =>
  t.field({
    type: TaskLogResult,
    description:
      'The log of an attempt, in order and complete, as it grows; it ends with the attempt. Without a number it is the newest attempt at the start; of a task that was not given out yet, the first one as soon as it is.',
    args: {
      taskId: t.arg.id({ required: true, description: TASK_ID }),
      attemptNumber: t.arg.int({ description: ATTEMPT_NUMBER }),
      after: t.arg({ type: 'Cursor', description: AFTER }),
    },
    subscribe: (_root, args, { feed, signal }) =>
      orUserErrorMessage(() => followLog(feed, readArguments(args), signal)),
    resolve: (event) => showEvent(event),
  }),
);
