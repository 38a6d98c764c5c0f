import { Command, InvalidArgumentError, Option } from 'commander';
import { CommandFailure } from './command-failure.ts';
import { ask, chooseGateway, type Gateway, operation } from './gateway.ts';
import type { GlobalFlags } from './global-options.ts';
import { failureOf, ISSUES, type Issue } from './issues.ts';
import { prepareSubmission } from './prepare-submission.ts';
import { previewJob } from './preview-job.ts';
import type { SubmissionRequest } from './submission.ts';
import { formatCount, toPlainText } from './text.ts';
import { watchToItsEnd } from './watch.ts';
import { rootOption } from './worker-options.ts';

interface Flags extends GlobalFlags, Omit<SubmissionRequest, 'file'> {
  readonly watch?: boolean;
  readonly dryRun?: boolean;
}

interface SubmittedJob {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly frameCounts: { readonly total: number };
  readonly taskCounts: { readonly total: number };
}

type SubmitResult =
  | { readonly __typename: 'SubmitJobSuccess'; readonly alreadySubmitted: boolean; readonly job: SubmittedJob }
  | { readonly __typename: 'InvalidInputError'; readonly issues: readonly Issue[] }
  | { readonly __typename: 'IdempotencyConflictError' | 'ForbiddenError'; readonly message: string };

const SUBMIT = operation<{ submitJob: SubmitResult }, { input: unknown }>(`
  mutation Submit($input: SubmitJobInput!) {
    submitJob(input: $input) {
      __typename
      ... on SubmitJobSuccess { alreadySubmitted job { id name status frameCounts { total } taskCounts { total } } }
      ${ISSUES}
      ... on Error { message }
    }
  }`);

/** `tablao submit FILE`: submits a job, and with --watch follows it. */
export function submitCommand(): Command {
  return new Command('submit')
    .description('Submit a .blend file to be rendered; relative paths are of this folder.')
    .argument('[file]', 'the .blend file; none for job types that read none')
    .option('--type <name>', 'job type', 'simple-blender-render')
    .option('--name <name>', "what the job is called (default: the file's name)")
    .option('--frames <frames>', 'frames, as 1-10, 1-100x5 or 5,7,9-12')
    .option('--set <key=value>', 'a setting of the job type, as often as needed', collectSetting, {})
    .addOption(new Option('--priority <number>', '0–100, a higher one is given out first').argParser(readNumber))
    .option('--tag <tag>', 'only workers with this tag are given its tasks')
    .addOption(
      new Option('--max-workers <number>', 'how many workers it has at most; 0 holds it').argParser(readNumber),
    )
    .option('--idempotency-key <key>', 'the same key with the same input submits only once')
    .addOption(rootOption('a folder that the workers have elsewhere: what is below it is submitted by its name'))
    .addOption(
      new Option('--dry-run', 'check it and show what it would become; nothing is submitted').conflicts('watch'),
    )
    .option('--watch', 'follow the job until it ends')
    .addHelpText('after', OUTPUT_HELP)
    .action(submit);
}

const OUTPUT_HELP = `
Without --set outputPath=… the frames of shots/a.blend go to shots/render/a/a_######.png.`;

async function submit(file: string | undefined, flags: Flags): Promise<void> {
  const gateway = chooseGateway(flags);
  if (flags.dryRun) return await previewJob(gateway, { ...flags, file }, flags.json ?? false);
  const { job, alreadySubmitted } = await submitJob(gateway, { ...flags, file });
  if (flags.json && !flags.watch) process.stdout.write(`${JSON.stringify({ job, alreadySubmitted })}\n`);
  if (!flags.json) process.stdout.write(describe(job, alreadySubmitted, flags.watch ?? false));
  if (flags.watch) process.exitCode = await watchToItsEnd(gateway, job.id, flags);
}

/** @throws CommandFailure with a line for each thing that is wrong */
export async function submitJob(
  gateway: Gateway,
  request: SubmissionRequest,
): Promise<{ job: SubmittedJob; alreadySubmitted: boolean }> {
  const input = await prepareSubmission(gateway, request);
  const { submitJob: result } = await ask(gateway, SUBMIT, { input });
  switch (result.__typename) {
    case 'SubmitJobSuccess':
      return result;
    case 'InvalidInputError':
      throw failureOf(result.issues);
    default:
      throw new CommandFailure(result.message);
  }
}

function describe(job: SubmittedJob, alreadySubmitted: boolean, isWatched: boolean): string {
  const { total: frames } = job.frameCounts;
  const counts = [frames === 0 ? [] : formatCount(frames, 'frame'), formatCount(job.taskCounts.total, 'task')].flat();
  const what = alreadySubmitted ? 'was submitted before' : 'submitted';
  const how = isWatched ? '' : `Follow it with: tablao watch ${job.id}\n`;
  return `${toPlainText(job.name)} ${what}: ${counts.join(', ')}\njob ${job.id}\n${how}`;
}

function collectSetting(text: string, earlier: Readonly<Record<string, string>>): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Write it as key=value.');
  return { ...earlier, [text.slice(0, at)]: text.slice(at + 1) };
}

/** The gateway knows the limits. */
function readNumber(text: string): number {
  if (!/^-?\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}
