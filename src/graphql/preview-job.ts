import { type CompiledTask, countTaskFrames } from '../domain/job-type.ts';
import type { CompiledJob } from '../store/submit-job.ts';
import { builder } from './builder.ts';
import { CommandType } from './command.ts';
import { orUserError, resultUnion } from './errors.ts';
import { checkSize } from './page.ts';
import { compileJob, SubmitJobInput } from './submit-job.ts';

/** What submitJob would store, without storing it. */

const TaskPreview = builder.objectRef<CompiledTask>('TaskPreview').implement({
  description: 'A task that the job would have.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What it would be called.' }),
    type: t.exposeString('type', { description: 'Only workers that take this task type would be given it.' }),
    frames: t.exposeString('frames', { nullable: true, description: 'Its frames, as `1-10`; null without frames.' }),
    commands: t.field({
      type: [CommandType],
      description: 'What a worker would do, in this order.',
      resolve: ({ commands }) => [...commands],
    }),
  }),
});

/** Each task repeats its settings, of which there may be 256 KiB: a whole job of 100,000 tasks is no answer. */
const MAX_TASKS_SHOWN = 100;

const JobPreview = builder.objectRef<CompiledJob>('JobPreview').implement({
  description: 'What a submission would become.',
  fields: (t) => ({
    taskCount: t.int({ description: 'How many tasks it would have.', resolve: ({ tasks }) => tasks.length }),
    frameCount: t.int({
      description: 'How many frames it would render.',
      resolve: ({ tasks }) => tasks.reduce((sum, task) => sum + countTaskFrames(task), 0),
    }),
    tasks: t.field({
      type: [TaskPreview],
      description: 'The first of its tasks, in the order in which they would be given out.',
      args: {
        first: t.arg.int({ required: true, defaultValue: 100, description: 'How many at most, from 1 to 100.' }),
      },
      resolve: ({ tasks }, { first }) => {
        checkSize('first', first, MAX_TASKS_SHOWN);
        return tasks.slice(0, first);
      },
    }),
  }),
});

const PreviewJobResult = resultUnion('PreviewJobResult', JobPreview, ['InvalidInputError', 'ForbiddenError']);

builder.queryField('previewJob', (t) =>
  t.field({
    type: PreviewJobResult,
    description: 'What submitJob would make of this input, by the same checks; nothing is stored.',
    args: { input: t.arg({ type: SubmitJobInput, required: true, description: 'The job.' }) },
    resolve: (_root, { input }, context) => orUserError(() => compileJob(input, context)),
  }),
);
