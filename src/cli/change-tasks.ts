import { InvalidArgumentError, Option } from 'commander';
import { FrameRangeError, parseFrameRange } from '../domain/frame-range.ts';
import { type ChangeOfMany, changeMany } from './change-many.ts';
import { CommandFailure } from './command-failure.ts';
import { ask, chooseGateway, type Gateway, operation } from './gateway.ts';
import type { GlobalFlags } from './global-options.ts';
import { failureOf, ISSUES, type Issue } from './issues.ts';
import { PAGE_INFO, type Page, readPages } from './pages.ts';
import { formatCount, formatStatus, toPlainText } from './text.ts';

const CHANGED = '__typename ... on TaskSuccess { changed task { id name status } } ... on Error { code message }';
const CANCEL: ChangeOfMany = operation(
  `mutation Cancel($input: CancelTasksInput!) { results: cancelTasks(input: $input) { ${CHANGED} } }`,
);
const REQUEUE: ChangeOfMany = operation(
  `mutation Requeue($input: RequeueTasksInput!) { results: requeueTasks(input: $input) { ${CHANGED} } }`,
);

interface TaskNumber {
  readonly id: string;
  readonly index: number;
}

const NUMBERS = operation<{ job: { tasks: Page<TaskNumber> } | null }, { id: string; after: string | null }>(`
  query Numbers($id: ID!, $after: String) {
    job(id: $id) { tasks(first: 100, after: $after) { nodes { id index } ${PAGE_INFO} } }
  }`);

type RequeueResult =
  | {
      readonly __typename: 'RequeueFramesSuccess';
      readonly job: { readonly id: string; readonly name: string; readonly status: string };
      readonly tasks: readonly { readonly id: string; readonly name: string; readonly status: string }[];
    }
  | { readonly __typename: 'InvalidInputError'; readonly issues: readonly Issue[] }
  | { readonly __typename: 'NotFoundError' | 'TaskTransitionError' | 'ForbiddenError'; readonly message: string };

const REQUEUE_FRAMES = operation<{ requeueFrames: RequeueResult }, { input: { jobId: string; frames: string } }>(`
  mutation RequeueFrames($input: RequeueFramesInput!) {
    requeueFrames(input: $input) {
      __typename
      ... on RequeueFramesSuccess { job { id name status } tasks { id name status } }
      ${ISSUES}
      ... on Error { message }
    }
  }`);

export function tasksOption(description: string): Option {
  return new Option('--tasks <numbers>', `${description}, by their numbers as "tasks" prints them: 3,5-7`).argParser(
    readNumbers,
  );
}

export function cancelTasks(jobId: string, numbers: readonly number[], flags: GlobalFlags): Promise<void> {
  return changeTasks(CANCEL, jobId, numbers, flags);
}

export function requeueTasks(jobId: string, numbers: readonly number[], flags: GlobalFlags): Promise<void> {
  return changeTasks(REQUEUE, jobId, numbers, flags);
}

export async function requeueFrames(jobId: string, frames: string, flags: GlobalFlags): Promise<void> {
  const { requeueFrames: result } = await ask(chooseGateway(flags), REQUEUE_FRAMES, { input: { jobId, frames } });
  if (result.__typename === 'InvalidInputError') throw failureOf(result.issues);
  if (result.__typename !== 'RequeueFramesSuccess') throw new CommandFailure(result.message);
  const { job, tasks } = result;
  if (flags.json) return void process.stdout.write(`${JSON.stringify({ job, tasks })}\n`);
  const names = tasks.map(({ name }) => toPlainText(name)).join(', ');
  const what =
    tasks.length === 0 ? 'they were queued already' : `${formatCount(tasks.length, 'task')} put back: ${names}`;
  process.stdout.write(`${toPlainText(job.name)}: ${formatStatus(job.status)}; ${what}\n`);
}

async function changeTasks(
  change: ChangeOfMany,
  jobId: string,
  numbers: readonly number[],
  flags: GlobalFlags,
): Promise<void> {
  const gateway = chooseGateway(flags);
  await changeMany(gateway, change, await findTasks(gateway, jobId, numbers), flags);
}

/** @throws CommandFailure when the job is not there, or has no task of one of the numbers */
async function findTasks(gateway: Gateway, jobId: string, numbers: readonly number[]): Promise<string[]> {
  const last = numbers.at(-1)!;
  const tasks = await readPages(
    async (after) => {
      const { job } = await ask(gateway, NUMBERS, { id: jobId, after });
      if (job === null) throw new CommandFailure(`There is no job with the id "${jobId}".`);
      return job.tasks;
    },
    (read) => read.length > last,
  );
  return numbers.map((number) => {
    const task = tasks[number];
    if (task !== undefined) return task.id;
    throw new CommandFailure(`The job has no task ${number}: its tasks are numbered from 0 to ${tasks.length - 1}.`);
  });
}

/** Ascending. They are written as frames are. */
function readNumbers(text: string): readonly number[] {
  try {
    const numbers = parseFrameRange(text);
    if (numbers[0]! >= 0) return numbers;
  } catch (error) {
    if (!(error instanceof FrameRangeError)) throw error;
  }
  throw new InvalidArgumentError('Write numbers from 0 on, as 3,5-7.');
}
