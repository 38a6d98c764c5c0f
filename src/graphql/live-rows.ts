import { NotFoundError } from '../domain/errors.ts';
import type { JobRow, LiveRow, TaskRow } from '../feed/live-rows.ts';
import type { Versioned } from '../feed/live-value.ts';
import { builder } from './builder.ts';
import { onlyMessage, resultUnion, toResult } from './errors.ts';
import { decodeId } from './global-id.ts';
import { JobRef } from './job.ts';
import { TaskRef } from './task.ts';

/** How one job or task stands: the present state at once, then the newest. */

const JobUpdate = resultUnion('JobUpdate', JobRef, ['NotFoundError']);
const TaskUpdate = resultUnion('TaskUpdate', TaskRef, ['NotFoundError']);

builder.subscriptionFields((t) => ({
  jobUpdated: t.field({
    type: JobUpdate,
    description:
      'A job as it is: at once, and again whenever anything of it has changed, at most ten times a second. It ends with NotFoundError when the job is deleted.',
    args: { id: t.arg.id({ required: true, description: 'The job.' }) },
    subscribe: (_root, args, { feed, signal }) => {
      const id = decodeId('Job', String(args.id));
      return id
        ? untilGone<LiveRow<JobRow>>(feed.states.follow(`job ${id}`, () => feed.rows.job(id), signal))
        : onlyMessage(makeGone());
    },
    resolve: (event, { id }) => event.value.row ?? toResult(new NotFoundError('job', String(id))),
  }),
  taskUpdated: t.field({
    type: TaskUpdate,
    description:
      'A task as it is: at once, and again whenever anything of it has changed, at most ten times a second. It ends with NotFoundError when its job is deleted.',
    args: { id: t.arg.id({ required: true, description: 'The task.' }) },
    subscribe: (_root, args, { feed, signal }) => {
      const id = decodeId('Task', String(args.id));
      return id
        ? untilGone<LiveRow<TaskRow>>(feed.states.follow(`task ${id}`, () => feed.rows.task(id), signal))
        : onlyMessage(makeGone());
    },
    resolve: (event, { id }) => event.value.row ?? toResult(new NotFoundError('task', String(id))),
  }),
}));

async function* untilGone<Value extends LiveRow<unknown>>(
  states: AsyncIterable<Versioned<Value>>,
): AsyncGenerator<Versioned<Value>> {
  for await (const state of states) {
    yield state;
    if (state.value.row === null) return;
  }
}

/** The state of an id that is none. A new one each time: subscribers with the same event get the same answer. */
function makeGone(): Versioned<LiveRow<never>> {
  return { version: 1, value: { row: null } };
}
