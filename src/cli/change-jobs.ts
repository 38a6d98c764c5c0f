import { Command } from 'commander';
import { EXIT_CODES } from './exit-codes.ts';
import { ask, chooseGateway, type Operation, operation } from './gateway.ts';
import type { GlobalFlags } from './global-options.ts';
import { formatStatus, toPlainText } from './text.ts';

/** What became of one job, in the order of the ids. */
interface Result {
  readonly message?: string;
  readonly changed?: boolean;
  readonly job?: { readonly id: string; readonly name: string; readonly status: string };
  readonly deletedId?: string;
}

type Change = Operation<{ results: readonly Result[] }, { input: { ids: readonly string[] } }>;

const CHANGED = '__typename ... on JobSuccess { changed job { id name status } } ... on Error { code message }';

const CANCEL: Change = operation(
  `mutation Cancel($input: CancelJobsInput!) { results: cancelJobs(input: $input) { ${CHANGED} } }`,
);
const REQUEUE: Change = operation(
  `mutation Requeue($input: RequeueJobsInput!) { results: requeueJobs(input: $input) { ${CHANGED} } }`,
);
const DELETE: Change = operation(
  `mutation Delete($input: DeleteJobsInput!) {
    results: deleteJobs(input: $input) { __typename ... on DeleteSuccess { deletedId } ... on Error { code message } }
  }`,
);

/** The gateway takes this many in one call. */
const IDS_AT_ONCE = 1000;

/** `tablao cancel JOB…` */
export function cancelCommand(): Command {
  return changeCommand('cancel', 'Cancel jobs: what waits ends at once, what runs is stopped.', CANCEL);
}

/** `tablao requeue JOB…` */
export function requeueCommand(): Command {
  const description = 'Put jobs that have ended back: what did not complete, or everything when all of it did.';
  return changeCommand('requeue', description, REQUEUE);
}

/** `tablao delete JOB…` */
export function deleteCommand(): Command {
  return changeCommand('delete', 'Delete jobs that do not run. The files that they rendered stay.', DELETE);
}

function changeCommand(name: string, description: string, change: Change): Command {
  return new Command(name)
    .description(description)
    .argument('<job...>', 'their ids')
    .action((ids: readonly string[], flags: GlobalFlags) => changeJobs(change, ids, flags));
}

/** One job's refusal does not keep the others; the exit code tells that there was one. */
async function changeJobs(change: Change, ids: readonly string[], flags: GlobalFlags): Promise<void> {
  const gateway = chooseGateway(flags);
  const results: Result[] = [];
  for (let at = 0; at < ids.length; at += IDS_AT_ONCE) {
    results.push(...(await ask(gateway, change, { input: { ids: ids.slice(at, at + IDS_AT_ONCE) } })).results);
  }
  if (flags.json) process.stdout.write(`${JSON.stringify(results)}\n`);
  else for (const result of results) report(result);
  process.exitCode = results.some(({ message }) => message !== undefined) ? EXIT_CODES.failed : EXIT_CODES.done;
}

function report({ message, job, changed, deletedId }: Result): void {
  if (message !== undefined) process.stderr.write(`${toPlainText(message)}\n`);
  else if (job === undefined) process.stdout.write(`deleted ${deletedId}\n`);
  else process.stdout.write(`${toPlainText(job.name)}: ${changed ? '' : 'still '}${formatStatus(job.status)}\n`);
}
