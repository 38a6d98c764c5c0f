import { CommandFailure } from './command-failure.ts';
import { ask, type Gateway, operation } from './gateway.ts';
import { failureOf, ISSUES, type Issue } from './issues.ts';
import { prepareSubmission } from './prepare-submission.ts';
import type { SubmissionRequest } from './submission.ts';
import { type Column, formatTable } from './table.ts';
import { formatCount, toPlainText } from './text.ts';

interface TaskPreview {
  readonly name: string;
  readonly type: string;
  readonly frames: string | null;
  readonly commands: readonly { readonly name: string; readonly parameters: Readonly<Record<string, unknown>> }[];
}

interface JobPreview {
  readonly taskCount: number;
  readonly frameCount: number;
  readonly tasks: readonly TaskPreview[];
}

type PreviewResult =
  | ({ readonly __typename: 'JobPreview' } & JobPreview)
  | { readonly __typename: 'InvalidInputError'; readonly issues: readonly Issue[] }
  | { readonly __typename: 'ForbiddenError'; readonly message: string };

const PREVIEW = operation<{ previewJob: PreviewResult }, { input: unknown }>(`
  query Preview($input: SubmitJobInput!) {
    previewJob(input: $input) {
      __typename
      ... on JobPreview { taskCount frameCount tasks(first: 100) { name type frames commands { name parameters } } }
      ${ISSUES}
      ... on Error { message }
    }
  }`);

/** A person sees enough of it in so many tasks. */
const SHOWN = 10;

/**
 * Shows what a submission would become, without submitting it.
 *
 * @throws CommandFailure with a line for each thing that is wrong
 */
export async function previewJob(gateway: Gateway, request: SubmissionRequest, json: boolean): Promise<void> {
  const input = await prepareSubmission(gateway, request);
  const { previewJob: result } = await ask(gateway, PREVIEW, { input });
  if (result.__typename === 'InvalidInputError') throw failureOf(result.issues);
  if (result.__typename === 'ForbiddenError') throw new CommandFailure(result.message);
  const { __typename, ...preview } = result;
  process.stdout.write(json ? `${JSON.stringify({ input, ...preview })}\n` : describe(input.name, preview));
}

function describe(name: string, { taskCount, frameCount, tasks }: JobPreview): string {
  const counts = [frameCount === 0 ? [] : formatCount(frameCount, 'frame'), formatCount(taskCount, 'task')].flat();
  const rest = taskCount > SHOWN ? `and ${formatCount(taskCount - SHOWN, 'task')} more\n` : '';
  const head = `${toPlainText(name)} would be ${counts.join(', ')}; nothing was submitted\n\n`;
  return head + formatTable(COLUMNS, tasks.slice(0, SHOWN)) + rest;
}

const COLUMNS: readonly Column<TaskPreview>[] = [
  { header: 'TASK', read: ({ name }) => name },
  { header: 'TYPE', read: ({ type }) => type },
  { header: 'FRAMES', read: ({ frames }) => frames ?? '' },
  { header: 'COMMANDS', read: ({ commands }) => commands.map((command) => command.name).join(', ') },
];
