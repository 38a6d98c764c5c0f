import { NotFoundError } from '../domain/errors.ts';
import type { LiveRow } from '../feed/live-rows.ts';
import type { Versioned } from '../feed/live-value.ts';
import { builder } from './builder.ts';
import { onlyMessage, resultUnion } from './errors.ts';
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
      return id ? untilGone(feed.states.follow(`job ${id}`, () => feed.rows.job(id), signal)) : onlyMessage(GONE);
    },
    resolve: (event, { id }) => event.value.row ?? new NotFoundError('job', String(id)),
  }),
  taskUpdated: t.field({
    type: TaskUpdate,
    description:
      'A task as it is: at once, and again whenever anything of it has changed, at most ten times a second. It ends with NotFoundError when its job is deleted.',
    args: { id: t.arg.id({ required: true, description: 'The task.' }) },
    subscribe: (_root, args, { feed, signal }) => {
      const id = decodeId('Task', String(args.id));
      return id ? untilGone(feed.states.follow(`task ${id}`, () => feed.rows.task(id), signal)) : onlyMessage(GONE);
    },
    resolve: (event, { id }) => event.value.row ?? new NotFoundError('task', String(id)),
  }),
}));

async function* untilGone<Row, Value extends LiveRow<Row>>(
  states: AsyncIterable<Versioned<Value>>,
): AsyncGenerator<Versioned<Value>> {
  for await (const state of states) {
    yield state;
    if (state.value.row === null) return;
  }
}

/** The state of an id that is none. */
const GONE: Versioned<LiveRow<never>> = { version: 1, value: { row: null } };
