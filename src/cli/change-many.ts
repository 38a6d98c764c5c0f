import { EXIT_CODES } from './exit-codes.ts';
import { ask, type Gateway, type Operation } from './gateway.ts';
import { formatStatus, toPlainText } from './text.ts';

/** What became of one job or task, in the order of the ids. */
export interface ChangeResult {
  readonly message?: string;
  readonly changed?: boolean;
  readonly job?: Changed;
  readonly task?: Changed;
  readonly deletedId?: string;
}

interface Changed {
  readonly id: string;
  readonly name: string;
  readonly status: string;
}

/** A mutation of many, whose only field is called `results`. */
export type ChangeOfMany = Operation<{ results: readonly ChangeResult[] }, { input: { ids: readonly string[] } }>;

/** The gateway takes this many in one call. */
const IDS_AT_ONCE = 1000;

/** Changes them and tells what became of each. One refusal does not keep the others; the exit code tells that there was one. */
export async function changeMany(
  gateway: Gateway,
  change: ChangeOfMany,
  ids: readonly string[],
  { json }: { readonly json?: boolean },
): Promise<void> {
  const results: ChangeResult[] = [];
  for (let at = 0; at < ids.length; at += IDS_AT_ONCE) {
    results.push(...(await ask(gateway, change, { input: { ids: ids.slice(at, at + IDS_AT_ONCE) } })).results);
  }
  if (json) process.stdout.write(`${JSON.stringify(results)}\n`);
  else for (const result of results) report(result);
  process.exitCode = results.some(({ message }) => message !== undefined) ? EXIT_CODES.failed : EXIT_CODES.done;
}

function report({ message, job, task, changed, deletedId }: ChangeResult): void {
  const one = task ?? job;
  if (message !== undefined) process.stderr.write(`${toPlainText(message)}\n`);
  else if (one === undefined) process.stdout.write(`deleted ${deletedId}\n`);
  else process.stdout.write(`${toPlainText(one.name)}: ${changed ? '' : 'still '}${formatStatus(one.status)}\n`);
}
