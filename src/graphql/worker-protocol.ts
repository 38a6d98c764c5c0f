import type { Command } from '../domain/command.ts';
import { effectiveCommands } from '../domain/effective-commands.ts';
import { SessionEndedError, StaleAttemptError, type UserError, VersionUnsupportedError } from '../domain/errors.ts';
import type { InputIssue } from '../domain/input-issue.ts';
import type { AttemptReport, Output, StopReason } from '../domain/session-sync.ts';
import type { WorkerStatusRequest } from '../domain/worker-status.ts';
import { appendTaskLog } from '../store/append-task-log.ts';
import { putPicture } from '../store/put-picture.ts';
import { registerWorker } from '../store/register-worker.ts';
import { signOffWorker } from '../store/sign-off-worker.ts';
import { signOnWorker } from '../store/sign-on-worker.ts';
import type { Assigned, SyncAnswer } from '../store/sync-call.ts';
import { builder, enumFromTable } from './builder.ts';
import { CommandType } from './command.ts';
import { type Context, encodeSessionId, requireSession, requireWorker } from './context.ts';
import { orUserError, resultUnion, toResult } from './errors.ts';
import { CHECKS, findIssues, refuseIssues } from './input.ts';
import { FailureKindEnum, WorkerStatusEnum, WorkerStatusRequestEnum } from './status.ts';
import { readTask, readWorker } from './stored.ts';
import { CyclesDeviceEnum } from './worker.ts';

/*
 * The worker protocol, version 1: registerWorker → signOnWorker → syncWorker, again and again → signOffWorker.
 * syncWorker is level-triggered: the worker says what it holds, the answer says what is missing and what must stop, so
 * an answer that was lost heals itself.
 */

export const PROTOCOL_VERSION = 1;

/** A third of the lease: two beats may be lost before a worker counts as lost. */
function heartbeatSeconds({ store }: Context): number {
  return Math.max(1, Math.floor(store.leaseMs / 3000));
}

// ------------------------------------------------------------------ registerWorker

const RegisterWorkerInput = builder.inputType('RegisterWorkerInput', {
  description: 'A new worker.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'What it wants to be called; a name that is taken gets a suffix.' }),
    platform: t.string({ required: true, description: 'Its operating system and processor.' }),
    registrationToken: t.string({ description: 'Where registering needs one.' }),
  }),
});
const RegisterWorkerSuccess = builder
  .objectRef<{ workerId: string; token: string }>('RegisterWorkerSuccess')
  .implement({
    description: 'The worker is known from now on.',
    fields: (t) => ({
      worker: t.prismaField({
        type: 'Worker',
        description: 'The worker.',
        resolve: readWorker,
      }),
      token: t.exposeString('token', {
        description: 'Its token, said only here: sent as `Authorization: Bearer TOKEN` from now on.',
      }),
    }),
  });
const RegisterWorkerResult = resultUnion('RegisterWorkerResult', RegisterWorkerSuccess, [
  'InvalidInputError',
  'ForbiddenError',
]);

builder.mutationField('registerWorker', (t) =>
  t.field({
    type: RegisterWorkerResult,
    description: 'Makes a worker known to the farm, once.',
    args: { input: t.arg({ type: RegisterWorkerInput, required: true, description: 'The worker.' }) },
    resolve: (_root, { input }, { store }) =>
      orUserError(() => {
        refuseIssues(findIssues(input, { name: CHECKS.name, platform: CHECKS.name }));
        return registerWorker(store, input);
      }),
  }),
);

// ------------------------------------------------------------------ signOnWorker

const WorkerDeviceInput = builder.inputType('WorkerDeviceInput', {
  description: 'A device that Cycles can render on.',
  fields: (t) => ({
    type: t.field({ type: CyclesDeviceEnum, required: true, description: 'Of which kind it is.' }),
    name: t.string({ required: true, description: 'What its driver calls it.' }),
  }),
});
const SignOnWorkerInput = builder.inputType('SignOnWorkerInput', {
  description: 'What a worker brings.',
  fields: (t) => ({
    version: t.string({ required: true, description: 'Its version of this program.' }),
    protocol: t.int({ required: true, description: 'The version of the worker protocol that it speaks.' }),
    taskTypes: t.stringList({ required: true, description: 'The task types that it takes.' }),
    tags: t.stringList({ required: true, description: 'Its tags.' }),
    blenderVersions: t.stringList({ required: true, description: 'The Blenders that it has.' }),
    devices: t.field({
      type: [WorkerDeviceInput],
      required: true,
      defaultValue: [],
      description: 'What Cycles can render on there.',
    }),
    offers: t.stringList({
      required: true,
      defaultValue: [],
      description: 'What else tasks may need and it has: its roots, as `root:proj`. Its Blenders are added to them.',
    }),
    slots: t.int({ required: true, defaultValue: 1, description: 'How many attempts it executes at once, 1–64.' }),
  }),
});
interface SignedOn {
  readonly workerId: string;
  readonly sessionNumber: number;
  readonly requestedStatus: WorkerStatusRequest;
}
const SignOnWorkerSuccess = builder.objectRef<SignedOn>('SignOnWorkerSuccess').implement({
  description: 'A session has begun; an older one of the same worker has ended.',
  fields: (t) => ({
    worker: t.prismaField({
      type: 'Worker',
      description: 'The worker.',
      resolve: readWorker,
    }),
    sessionId: t.id({
      description: 'The session.',
      resolve: ({ workerId, sessionNumber }) => encodeSessionId(workerId, sessionNumber),
    }),
    requestedStatus: t.expose('requestedStatus', {
      type: WorkerStatusRequestEnum,
      description: 'What it is to be: AWAKE, or ASLEEP when it was asked to sleep before.',
    }),
    heartbeatSeconds: t.int({
      description: 'It calls syncWorker at least this often.',
      resolve: (_signedOn, _args, context) => heartbeatSeconds(context),
    }),
    leaseSeconds: t.int({
      description: 'Silent for longer, its attempts count as lost.',
      resolve: (_signedOn, _args, { store }) => store.leaseMs / 1000,
    }),
  }),
});
const SignOnWorkerResult = resultUnion('SignOnWorkerResult', SignOnWorkerSuccess, [
  'VersionUnsupportedError',
  'SessionEndedError',
  'InvalidInputError',
  'ForbiddenError',
]);

builder.mutationField('signOnWorker', (t) =>
  t.field({
    type: SignOnWorkerResult,
    description: 'Begins a session of the worker whose token is sent. SessionEndedError: the worker was deleted.',
    args: { input: t.arg({ type: SignOnWorkerInput, required: true, description: 'What it brings.' }) },
    resolve: (_root, { input }, context) =>
      orUserError(async () => {
        const workerId = requireWorker(context);
        if (input.protocol !== PROTOCOL_VERSION)
          throw new VersionUnsupportedError(input.protocol, String(PROTOCOL_VERSION));
        refuseIssues(
          findIssues(input, {
            version: CHECKS.name,
            taskTypes: CHECKS.words,
            tags: CHECKS.words,
            blenderVersions: CHECKS.words,
            devices: CHECKS.devices,
            offers: CHECKS.offers,
            slots: CHECKS.slots,
          }),
        );
        return { workerId, ...(await signOnWorker(context.store, workerId, input)) };
      }),
  }),
);

// ------------------------------------------------------------------ syncWorker

const OutputInput = builder.inputType('OutputInput', {
  description: 'A file that the attempt made.',
  fields: (t) => ({
    frame: t.int({ description: 'Its frame; null when it is not one, as a video.' }),
    path: t.string({ required: true, description: 'Where it is.' }),
    bytes: t.float({ required: true, description: 'Its size in bytes.' }),
    renderSeconds: t.float({ description: 'Seconds that it took.' }),
  }),
});
const AttemptProgressInput = builder.inputType('AttemptProgressInput', {
  description: 'How far an attempt is.',
  fields: (t) => ({
    fraction: t.float({ required: true, description: 'How much of the task is done, 0–1.' }),
    frame: t.int({ description: 'The frame that is being rendered.' }),
    activity: t.string({ description: 'What it is doing, in a few words.' }),
    outputs: t.field({
      type: [OutputInput],
      description:
        'Files that are in their place by now, at most 1,000; told once more when it completes, they count once.',
    }),
  }),
});
const AttemptCompletedInput = builder.inputType('AttemptCompletedInput', {
  description: 'The task was executed successfully.',
  fields: (t) => ({
    outputs: t.field({ type: [OutputInput], required: true, description: 'The files that it made.' }),
  }),
});
const AttemptFailedInput = builder.inputType('AttemptFailedInput', {
  description: 'The task failed.',
  fields: (t) => ({
    kind: t.field({ type: FailureKindEnum, required: true, description: 'The kind, for programs.' }),
    message: t.string({ required: true, description: 'What happened, for people.' }),
    exitCode: t.int({ description: "The program's exit code, if it was one that ended." }),
  }),
});
const AttemptStoppedInput = builder.inputType('AttemptStoppedInput', {
  description: 'The task was not finished, and does not count as failed.',
  fields: (t) => ({
    handedBack: t.boolean({ required: true, description: 'True: unasked. False: because the gateway said so.' }),
  }),
});
const AttemptEventInput = builder.inputType('AttemptEventInput', {
  description: 'What happened; exactly one of these.',
  isOneOf: true,
  fields: (t) => ({
    progress: t.field({ type: AttemptProgressInput, description: 'It goes on.' }),
    completed: t.field({ type: AttemptCompletedInput, description: 'It was executed successfully.' }),
    failed: t.field({ type: AttemptFailedInput, description: 'It failed.' }),
    stopped: t.field({ type: AttemptStoppedInput, description: 'It was not finished.' }),
  }),
});
const AttemptReportInput = builder.inputType('AttemptReportInput', {
  description: 'What a worker reports of an attempt.',
  fields: (t) => ({
    attemptToken: t.string({ required: true, description: "The attempt's token." }),
    sequence: t.int({
      required: true,
      description: 'From 1, rising, gaps allowed: a report that was taken already is accepted and ignored.',
    }),
    at: t.field({ type: 'DateTime', required: true, description: "When, by the worker's clock; for the log only." }),
    event: t.field({ type: AttemptEventInput, required: true, description: 'What happened.' }),
  }),
});
const SyncWorkerInput = builder.inputType('SyncWorkerInput', {
  description: 'Where a worker stands.',
  fields: (t) => ({
    sessionId: t.id({ required: true, description: 'Its session.' }),
    status: t.field({ type: WorkerStatusEnum, required: true, description: 'AWAKE (also while busy) or ASLEEP.' }),
    running: t.stringList({
      required: true,
      description: 'The tokens of the attempts that it holds, without those that end in this call.',
    }),
    freeSlots: t.int({ required: true, description: 'How many more it takes.' }),
    reports: t.field({
      type: [AttemptReportInput],
      required: true,
      description: 'What happened since; they are taken first.',
    }),
    waitSeconds: t.int({
      required: true,
      defaultValue: 0,
      description: 'How long the gateway may wait for something to say, 0–60; never longer than heartbeatSeconds.',
    }),
  }),
});

const AssignmentType = builder.objectRef<Assigned>('Assignment').implement({
  description: 'A task for the worker.',
  fields: (t) => ({
    attemptToken: t.exposeString('token', { description: 'What the worker names the attempt by.' }),
    attempt: t.prismaField({
      type: 'Attempt',
      description: 'The attempt.',
      resolve: (query, { attemptId }, _args, { store }) =>
        store.prisma.attempt.findUniqueOrThrow({ ...query, where: { id: attemptId } }),
    }),
    task: t.prismaField({
      type: 'Task',
      description: 'The task.',
      resolve: readTask,
    }),
    commands: t.field({
      type: [CommandType],
      description: "What to do: the task's commands as they are to be executed this time.",
      resolve: async ({ taskId }, _args, { store }) => {
        const { commands, rendersAnew } = await store.prisma.task.findUniqueOrThrow({
          select: { commands: true, rendersAnew: true },
          where: { id: taskId },
        });
        return effectiveCommands(commands as unknown as Command[], rendersAnew);
      },
    }),
  }),
});

const StopReasonEnum = enumFromTable('StopReason', 'Why a worker must stop an attempt.', {
  CANCELED: 'The task is to end canceled: kill its programs and confirm with `stopped`.',
  RECALLED: 'The task is to wait again: kill its programs and confirm with `stopped`.',
  TIMED_OUT: 'The gateway has ended it already, because it took too long: kill its programs and drop the work.',
  SUPERSEDED: 'The gateway has ended it already: kill its programs and drop the work.',
} as const satisfies Record<StopReason, string>);
const StopOrder = builder.objectRef<{ token: string; reason: StopReason }>('StopOrder').implement({
  description: 'An attempt that the worker must stop.',
  fields: (t) => ({
    attemptToken: t.exposeString('token', { description: "The attempt's token." }),
    reason: t.expose('reason', { type: StopReasonEnum, description: 'Why.' }),
  }),
});

interface Accepted {
  readonly attemptToken: string;
  readonly sequence: number;
}
const ReportAccepted = builder.objectRef<Accepted>('ReportAccepted').implement({
  description: 'The report was taken, now or before.',
  fields: (t) => ({
    attemptToken: t.exposeString('attemptToken', { description: "The attempt's token." }),
    sequence: t.exposeInt('sequence', { description: "The report's sequence." }),
  }),
});
const ReportResult = resultUnion('ReportResult', ReportAccepted, ['StaleAttemptError']);

interface Synced extends Omit<SyncAnswer, 'reports'> {
  readonly reports: readonly (Accepted | UserError)[];
}
const SyncWorkerSuccess = builder.objectRef<Synced>('SyncWorkerSuccess').implement({
  description: 'What the worker is to do now.',
  fields: (t) => ({
    assignments: t.field({
      type: [AssignmentType],
      description: 'Tasks for it: new ones, and those that it should hold and does not.',
      resolve: ({ assignments }) => [...assignments],
    }),
    stops: t.field({
      type: [StopOrder],
      description: 'What it holds and must stop.',
      resolve: ({ stops }) => [...stops],
    }),
    reports: t.field({
      type: [ReportResult],
      description: 'One result per report, in order.',
      resolve: ({ reports }) => [...reports],
    }),
    requestedStatus: t.expose('requestedStatus', {
      type: WorkerStatusRequestEnum,
      nullable: true,
      description: 'What it is to become; null: go on.',
    }),
    heartbeatSeconds: t.int({
      description: 'It calls again at least this often.',
      resolve: (_synced, _args, context) => heartbeatSeconds(context),
    }),
  }),
});
const SyncWorkerResult = resultUnion('SyncWorkerResult', SyncWorkerSuccess, [
  'SessionEndedError',
  'InvalidInputError',
  'ForbiddenError',
]);

builder.mutationField('syncWorker', (t) =>
  t.field({
    type: SyncWorkerResult,
    description:
      'Heartbeat, reports, claim and stop orders in one call. It answers at once when it has something to say, else after waitSeconds. A newer call of the session answers the older one at once.',
    args: { input: t.arg({ type: SyncWorkerInput, required: true, description: 'Where the worker stands.' }) },
    resolve: (_root, { input }, context) =>
      orUserError(async (): Promise<Synced> => {
        const session = requireSession(context, input.sessionId);
        refuseIssues(findSyncIssues(input));
        const call = {
          ...session,
          status: input.status === 'ASLEEP' ? ('ASLEEP' as const) : ('AWAKE' as const),
          running: input.running,
          freeSlots: input.freeSlots,
          reports: input.reports.map((report) => ({ ...report, event: cleanEvent(report.event) })),
          isHeld: false,
        };
        const waitMs = Math.min(input.waitSeconds, heartbeatSeconds(context)) * 1000;
        const result = await context.desk.answer(call, waitMs, context.signal);
        if ('ended' in result) throw new SessionEndedError(result.ended);
        const reports = input.reports.map(({ attemptToken, sequence }, index) =>
          result.reports[index] ? { attemptToken, sequence } : toResult(new StaleAttemptError(attemptToken)),
        );
        return { ...result, reports };
      }),
  }),
);

type SyncInput = typeof SyncWorkerInput.$inferInput;
type EventInput = SyncInput['reports'][number]['event'];

function findSyncIssues(input: SyncInput): InputIssue[] {
  const issues = findIssues(input, {
    running: CHECKS.tokens,
    freeSlots: CHECKS.freeSlots,
    waitSeconds: CHECKS.waitSeconds,
    reports: CHECKS.reports,
  });
  if (input.status !== 'AWAKE' && input.status !== 'ASLEEP')
    issues.push({
      path: ['status'],
      message: 'A worker reports AWAKE or ASLEEP.',
      given: input.status,
      allowed: 'AWAKE, ASLEEP',
    });
  input.reports.forEach((report, index) => {
    const { sequence, event } = report;
    const within = (path: string[], found: InputIssue[]) =>
      found.map((issue) => ({ ...issue, path: ['reports', String(index), ...path, ...issue.path] }));
    issues.push(...within([], findIssues({ sequence }, { sequence: CHECKS.sequence })));
    if (event.progress) {
      const checks = { fraction: CHECKS.fraction, outputs: CHECKS.newOutputs };
      issues.push(...within(['event', 'progress'], findIssues(event.progress, checks)));
    }
    if (event.completed)
      issues.push(...within(['event', 'completed'], findIssues(event.completed, { outputs: CHECKS.outputs })));
  });
  return issues;
}

/**
 * What a program has printed may hold anything; NUL and half a surrogate pair (the cut may make one) are no text for the
 * database, which would refuse the whole batch. And a message is no log.
 */
function cleanEvent({ progress, completed, failed, stopped }: EventInput): AttemptReport['event'] {
  const clean = (text: string, length: number) => text.replaceAll('\0', '').slice(0, length).toWellFormed();
  if (failed) return { failed: { ...failed, message: clean(failed.message, 10_000) } };
  if (completed) return { completed: { outputs: completed.outputs.map(cleanOutput) } };
  if (!progress) return { stopped };
  const { fraction, frame, activity, outputs } = progress;
  return {
    progress: { fraction, frame, activity: activity && clean(activity, 200), outputs: outputs?.map(cleanOutput) },
  };
}

function cleanOutput({ frame, renderSeconds, ...output }: typeof OutputInput.$inferInput): Output {
  return { ...output, frame: frame ?? null, renderSeconds: renderSeconds ?? null };
}

// ------------------------------------------------------------------ appendTaskLog

const AppendTaskLogInput = builder.inputType('AppendTaskLogInput', {
  description: "A piece of an attempt's output.",
  fields: (t) => ({
    sessionId: t.id({ required: true, description: 'The session.' }),
    attemptToken: t.string({ required: true, description: "The attempt's token." }),
    offset: t.float({ required: true, description: 'Bytes of the log before this piece, in UTF-8.' }),
    text: t.string({ required: true, description: 'The text, at most 1 MiB.' }),
  }),
});
const AppendTaskLogSuccess = builder
  .objectRef<{ nextOffset: number; truncated: boolean }>('AppendTaskLogSuccess')
  .implement({
    description: 'What is stored now.',
    fields: (t) => ({
      nextOffset: t.exposeFloat('nextOffset', { description: 'The offset that is wanted next.' }),
      truncated: t.exposeBoolean('truncated', { description: 'True when the log is full: nothing more is kept.' }),
    }),
  });
const AppendTaskLogResult = resultUnion('AppendTaskLogResult', AppendTaskLogSuccess, [
  'StaleAttemptError',
  'SessionEndedError',
  'InvalidInputError',
  'ForbiddenError',
]);

builder.mutationField('appendTaskLog', (t) =>
  t.field({
    type: AppendTaskLogResult,
    description:
      "Appends to an attempt's log. Repeating a piece changes nothing; a piece beyond the end stores nothing and says what is wanted.",
    args: { input: t.arg({ type: AppendTaskLogInput, required: true, description: 'The piece.' }) },
    resolve: (_root, { input }, context) =>
      orUserError(async () => {
        const session = requireSession(context, input.sessionId);
        refuseIssues(findIssues(input, { offset: CHECKS.offset, text: CHECKS.logText }));
        const appended = await appendTaskLog(context.store, session, input);
        context.feed.wakeLog(appended.attemptId);
        return appended;
      }),
  }),
);

// ------------------------------------------------------------------ putFramePicture

const PutFramePictureInput = builder.inputType('PutFramePictureInput', {
  description: 'A small picture of a frame that an attempt has rendered.',
  fields: (t) => ({
    sessionId: t.id({ required: true, description: 'The session.' }),
    attemptToken: t.string({ required: true, description: "The attempt's token." }),
    frame: t.int({ required: true, description: 'The frame.' }),
    jpeg: t.string({ required: true, description: 'A JPEG of at most 64 KiB, in Base64.' }),
  }),
});
const PutFramePictureSuccess = builder.objectRef<{ frame: number }>('PutFramePictureSuccess').implement({
  description: 'The frame has a picture.',
  fields: (t) => ({ frame: t.exposeInt('frame', { description: 'The frame.' }) }),
});
const PutFramePictureResult = resultUnion('PutFramePictureResult', PutFramePictureSuccess, [
  'StaleAttemptError',
  'SessionEndedError',
  'InvalidInputError',
  'ForbiddenError',
]);

builder.mutationField('putFramePicture', (t) =>
  t.field({
    type: PutFramePictureResult,
    description:
      'Puts the picture of a frame in place of the one that an earlier attempt has made; repeating it changes nothing. It is taken while the attempt is executed, and after it has completed as long as nothing has happened to its task since.',
    args: { input: t.arg({ type: PutFramePictureInput, required: true, description: 'The picture.' }) },
    resolve: (_root, { input }, context) =>
      orUserError(() => {
        const session = requireSession(context, input.sessionId);
        refuseIssues(findIssues(input, { jpeg: CHECKS.jpeg }).map((issue) => ({ ...issue, given: undefined })));
        return putPicture(context.store, session, { ...input, jpeg: Buffer.from(input.jpeg, 'base64') });
      }),
  }),
);

// ------------------------------------------------------------------ signOffWorker

const SignOffWorkerInput = builder.inputType('SignOffWorkerInput', {
  description: 'Which session ends.',
  fields: (t) => ({ sessionId: t.id({ required: true, description: 'The session.' }) }),
});
const SignOffWorkerSuccess = builder.objectRef<{ workerId: string }>('SignOffWorkerSuccess').implement({
  description: 'The session has ended.',
  fields: (t) => ({
    worker: t.prismaField({
      type: 'Worker',
      description: 'The worker.',
      resolve: readWorker,
    }),
  }),
});
const SignOffWorkerResult = resultUnion('SignOffWorkerResult', SignOffWorkerSuccess, [
  'SessionEndedError',
  'InvalidInputError',
  'ForbiddenError',
]);

builder.mutationField('signOffWorker', (t) =>
  t.field({
    type: SignOffWorkerResult,
    description:
      'Ends a session in good order. What the worker still holds is handed back and does not count as failed.',
    args: { input: t.arg({ type: SignOffWorkerInput, required: true, description: 'Which session.' }) },
    resolve: (_root, { input }, context) =>
      orUserError(async () => {
        const { workerId, sessionNumber } = requireSession(context, input.sessionId);
        await signOffWorker(context.store, workerId, sessionNumber);
        return { workerId };
      }),
  }),
);
