import type { AttemptOutcome, FailureKind } from '../domain/attempt-outcome.ts';
import { builder } from './builder.ts';
import { connectionOf } from './connection.ts';
import { encodeId } from './global-id.ts';
import { AttemptOutcomeEnum, FailureKindEnum } from './status.ts';

const Failure = builder
  .objectRef<{ kind: FailureKind; message: string; exitCode: number | null }>('Failure')
  .implement({
    description: 'What went wrong.',
    fields: (t) => ({
      kind: t.expose('kind', { type: FailureKindEnum, description: 'The kind, for programs.' }),
      message: t.exposeString('message', {
        description: 'What happened, with the last lines of the log where they help.',
      }),
      exitCode: t.exposeInt('exitCode', {
        nullable: true,
        description: "The program's exit code, if it was one that ended.",
      }),
    }),
  });

export const AttemptRef = builder.prismaNode('Attempt', {
  nullable: true,
  id: { field: 'id', description: 'The global id.' },
  description: 'One execution of one task by one worker. Its token is never readable.',
  fields: (t) => ({
    task: t.relation('task', { description: 'The task.' }),
    number: t.exposeInt('number', { description: 'Its number in the task, from 1.' }),
    worker: t.relation('worker', { description: 'The worker.' }),
    startedAt: t.expose('startedAt', { type: 'DateTime', description: 'When it was given out.' }),
    endedAt: t.expose('endedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it ended; null while it lasts.',
    }),
    outcome: t.field({
      type: AttemptOutcomeEnum,
      nullable: true,
      description: 'How it ended; null while it lasts.',
      resolve: ({ outcome }) => outcome as AttemptOutcome | null,
    }),
    failure: t.field({
      type: Failure,
      nullable: true,
      description: 'What went wrong, if it failed.',
      resolve: ({ failureKind, failureMessage, failureExitCode }) =>
        failureKind === null
          ? null
          : { kind: failureKind as FailureKind, message: failureMessage ?? '', exitCode: failureExitCode },
    }),
    logUrl: t.string({
      description: "Where its log is to be read as text; a path on this gateway's address.",
      resolve: ({ id }) => `/logs/${encodeURIComponent(encodeId('Attempt', id))}`,
    }),
  }),
});

export const AttemptConnection = connectionOf('Attempt', AttemptRef, 'attempts');
