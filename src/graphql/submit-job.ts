import { findClosestName } from '../domain/closest-name.ts';
import { InvalidInputError } from '../domain/errors.ts';
import { findPathFault } from '../domain/file-path.ts';
import type { InputIssue } from '../domain/input-issue.ts';
import { needsOf } from '../domain/needs.ts';
import { quote } from '../domain/quote.ts';
import { encodeCursor } from '../feed/cursor.ts';
import { type CompiledJob, type SubmittedJob, submitJob } from '../store/submit-job.ts';
import { builder } from './builder.ts';
import { actorOf, type Context } from './context.ts';
import { orUserError, resultUnion } from './errors.ts';
import { CHECKS, findIssues, refuseIssues } from './input.ts';
import { readJob } from './stored.ts';

const SubmittedFileInput = builder.inputType('SubmittedFileInput', {
  description: 'A file that the job reads: each attempt checks that it is this one.',
  fields: (t) => ({
    path: t.string({ required: true, description: 'Where it is, as the workers see it.' }),
    bytes: t.float({ required: true, description: 'Its size in bytes.' }),
    modifiedAt: t.field({ type: 'DateTime', description: 'When it was last changed.' }),
    sha256: t.string({ description: 'Its SHA-256 in hexadecimal; compared when only the time differs.' }),
  }),
});

export const SubmitJobInput = builder.inputType('SubmitJobInput', {
  description: 'A job to render.',
  fields: (t) => ({
    type: t.string({ required: true, description: 'The name of a job type; see jobTypes.' }),
    name: t.string({ required: true, description: 'What it is called: 1–200 characters.' }),
    settings: t.field({
      type: 'JSON',
      required: true,
      description: "The job type's settings, by key; at most 256 KiB.",
    }),
    priority: t.int({ required: true, defaultValue: 50, description: '0–100; a higher one is given out first.' }),
    maxWorkers: t.int({ description: 'How many workers it has at most, 0–10,000; 0 holds it, null sets no limit.' }),
    workerTag: t.string({ description: 'Only workers with this tag are given its tasks.' }),
    maxAttempts: t.int({
      required: true,
      defaultValue: 3,
      description: 'Failures after which a task is failed for good, 1–20.',
    }),
    failureLimitPercent: t.int({
      required: true,
      defaultValue: 10,
      description: 'Percent of failed tasks, 1–100, at which the rest of the job is called off.',
    }),
    taskTimeoutSeconds: t.int({ description: 'Seconds that an attempt may take, 1–604,800; null sets no limit.' }),
    noOutputTimeoutSeconds: t.int({
      defaultValue: 3600,
      description: 'Seconds that an attempt may be silent, 1–604,800; null sets no limit.',
    }),
    files: t.field({ type: [SubmittedFileInput], description: 'The files that the job reads.' }),
    metadata: t.field({
      type: 'JSON',
      description: 'Whatever pipelines want to keep with it: an object of at most 64 KiB.',
    }),
    jobTypeVersion: t.string({
      description: 'Refused when the gateway has another version of the job type; null takes whichever it has.',
    }),
    idempotencyKey: t.string({
      description: 'The same key with the same input answers with the first job instead of submitting it again.',
    }),
    submitter: t.string({ description: 'Who submits it; believed only where nobody has to log in.' }),
  }),
});
type Submission = typeof SubmitJobInput.$inferInput;

const SubmitJobSuccess = builder.objectRef<SubmittedJob>('SubmitJobSuccess').implement({
  description: 'The job is stored, with its tasks.',
  fields: (t) => ({
    job: t.prismaField({
      type: 'Job',
      description: 'The job.',
      resolve: readJob,
    }),
    cursor: t.field({
      type: 'Cursor',
      description: 'Where the submission stands in the event feed.',
      resolve: ({ position }, _args, { feed }) => encodeCursor(feed, position),
    }),
    alreadySubmitted: t.exposeBoolean('alreadySubmitted', {
      description: 'True when the idempotency key had been used for the same input: this is the job of then.',
    }),
  }),
});
const SubmitJobResult = resultUnion('SubmitJobResult', SubmitJobSuccess, [
  'InvalidInputError',
  'IdempotencyConflictError',
  'ForbiddenError',
]);

builder.mutationField('submitJob', (t) =>
  t.field({
    type: SubmitJobResult,
    description: 'Submits a job. Whatever is wrong with it is said at once, and then nothing is stored.',
    args: { input: t.arg({ type: SubmitJobInput, required: true, description: 'The job.' }) },
    resolve: (_root, { input }, context) =>
      orUserError(async () => submitJob(context.store, await compileJob(input, context))),
  }),
);

/**
 * Checks a submission and compiles it into tasks, in memory: all by one version of its job type.
 *
 * @throws InvalidInputError with every issue
 */
export async function compileJob(input: Submission, context: Context): Promise<CompiledJob> {
  const { name, word, priority, maxWorkers, maxAttempts, percent, seconds, metadata, files, settings: size } = CHECKS;
  const issues: InputIssue[] = findIssues(input, {
    name,
    settings: size,
    priority,
    maxWorkers,
    workerTag: word,
    maxAttempts,
    failureLimitPercent: percent,
    taskTimeoutSeconds: seconds,
    noOutputTimeoutSeconds: seconds,
    files,
    metadata,
    idempotencyKey: name,
    submitter: name,
  });
  issues.push(...findFileIssues(input.files ?? []));
  const prepared = await context.jobTypes.prepare(input.type, { jobName: input.name, settings: input.settings });
  if (!prepared) throw new InvalidInputError([...issues, unknownJobType(input.type, context)]);
  const { version } = prepared;
  if (input.jobTypeVersion != null && input.jobTypeVersion !== version)
    issues.push({
      path: ['jobTypeVersion'],
      message: `The gateway has version ${version} of ${input.type}; look at its settings again.`,
      given: input.jobTypeVersion,
      allowed: version,
    });
  if ('issues' in prepared) throw new InvalidInputError([...issues, ...prepared.issues]);
  refuseIssues(issues);

  const { settings, tasks } = prepared;
  return {
    name: input.name,
    type: input.type,
    jobTypeVersion: version,
    priority: input.priority,
    maxWorkers: input.maxWorkers ?? null,
    workerTag: input.workerTag ?? null,
    needs: needsOf(
      tasks,
      (input.files ?? []).map(({ path }) => path),
    ),
    maxAttempts: input.maxAttempts,
    failureLimitPercent: input.failureLimitPercent,
    taskTimeoutSeconds: input.taskTimeoutSeconds ?? null,
    noOutputTimeoutSeconds: input.noOutputTimeoutSeconds ?? null,
    submitter: input.submitter ?? actorOf(context),
    settings,
    metadata: input.metadata ?? {},
    files: input.files ?? [],
    idempotencyKey: input.idempotencyKey ?? null,
    input,
    tasks,
  };
}

function findFileIssues(files: readonly { readonly path: string }[]): InputIssue[] {
  return files.flatMap(({ path }, index) => {
    const fault = findPathFault(path);
    if (fault === null) return [];
    const allowed = 'an absolute path, or one below a root, as proj:shots/a.blend';
    return [{ path: ['files', String(index), 'path'], message: `The path ${fault}.`, given: path, allowed }];
  });
}

function unknownJobType(given: string, { jobTypes }: Context): InputIssue {
  const names = jobTypes.list().map((type) => type.name);
  const closest = findClosestName(given, names);
  const hint = closest ? ` Did you mean ${JSON.stringify(closest)}?` : '';
  return {
    path: ['type'],
    message: `There is no job type ${quote(given)}.${hint}`,
    given,
    allowed: names.join(', '),
  };
}
