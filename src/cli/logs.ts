import { Command, Option } from 'commander';
import { CommandFailure } from './command-failure.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { ask, chooseGateway, type Gateway, operation } from './gateway.ts';
import type { GlobalFlags } from './global-options.ts';
import { wholeNumber } from './numbers.ts';
import { print } from './output.ts';
import { listenForStop } from './stop-signal.ts';
import { createAwayNotice, stream } from './stream.ts';
import { toPlainText } from './text.ts';

interface Flags extends GlobalFlags {
  readonly attempt?: number;
  readonly follow?: boolean;
}

interface Chunk {
  readonly __typename: 'TaskLogChunk';
  readonly attemptNumber: number;
  readonly text: string;
  readonly cursor: string;
  readonly caughtUp: boolean;
  readonly ended: boolean;
}

type Answer =
  | Chunk
  | { readonly __typename: 'NotFoundError' | 'CursorExpiredError'; readonly message: string; readonly cursor?: never };

interface Wish {
  readonly taskId: string;
  readonly attemptNumber?: number;
}

const RESULT = '__typename ... on TaskLogChunk { attemptNumber text cursor caughtUp ended } ... on Error { message }';

const READ_LOG = operation<{ taskLog: Answer }, Wish & { after: string | null }>(`
  query Log($taskId: ID!, $attemptNumber: Int, $after: Cursor) {
    taskLog(taskId: $taskId, attemptNumber: $attemptNumber, after: $after, maxBytes: 1048576) { ${RESULT} }
  }`);

const FOLLOW_LOG = `
  subscription Log($taskId: ID!, $attemptNumber: Int, $after: Cursor) {
    taskLog(taskId: $taskId, attemptNumber: $attemptNumber, after: $after) { ${RESULT} }
  }`;

const NOUN = operation<{ node: { __typename: string; attempts?: { nodes: readonly unknown[] } } | null }, Wish>(`
  query Noun($taskId: ID!) { node(id: $taskId) { __typename ... on Task { attempts(first: 1) { nodes { id } } } } }`);

/** `tablao logs TASK`: what the programs of an attempt printed. */
export function logsCommand(): Command {
  return new Command('logs')
    .description('Print what the programs of a task printed; control characters are shown as signs.')
    .argument('<task>', 'its id')
    .addOption(
      new Option('--attempt <number>', 'which attempt (default: the newest)').argParser(wholeNumber(1, 1_000_000)),
    )
    .option('--follow', 'go on until the attempt has ended; Ctrl-C ends only the following')
    .addHelpText('after', '\nWith --json it prints an object for each piece of the log, one a line.')
    .action(async (taskId: string, flags: Flags) => {
      const gateway = chooseGateway(flags);
      const wish: Wish = { taskId, ...(flags.attempt !== undefined && { attemptNumber: flags.attempt }) };
      process.exitCode = await (flags.follow ? followLog : printLog)(gateway, wish, createWriter(flags));
    });
}

type Write = (chunk: Chunk) => Promise<void>;

/** The gateway makes control characters harmless; what speaks for a gateway might not. */
function createWriter({ json }: Flags): Write {
  return (chunk) => {
    if (!json) return print(toPlainText(chunk.text));
    const { __typename, ...facts } = chunk;
    return print(`${JSON.stringify(facts)}\n`);
  };
}

async function printLog(gateway: Gateway, wish: Wish, write: Write): Promise<number> {
  for (let after: string | null = null, isMore = true; isMore; ) {
    const chunk: Chunk = await requireChunk(gateway, wish, (await ask(gateway, READ_LOG, { ...wish, after })).taskLog);
    await write(chunk);
    after = chunk.cursor;
    isMore = !chunk.caughtUp;
  }
  return EXIT_CODES.done;
}

async function followLog(gateway: Gateway, wish: Wish, write: Write): Promise<number> {
  const stop = listenForStop();
  const showAway = createAwayNotice();
  try {
    const answers = stream<{ taskLog: Answer }>(
      gateway,
      { query: FOLLOW_LOG, variables: { ...wish }, cursorOf: ({ taskLog }) => taskLog.cursor ?? null },
      { signal: stop.signal, onAway: (reason) => showAway(reason !== null) },
    );
    for await (const { taskLog } of answers) await write(await requireChunk(gateway, wish, taskLog));
    return stop.signal.aborted ? EXIT_CODES.interrupted : EXIT_CODES.done;
  } finally {
    stop.forget();
  }
}

/** @throws CommandFailure that says what to do about it */
async function requireChunk(gateway: Gateway, wish: Wish, answer: Answer): Promise<Chunk> {
  if (answer.__typename === 'TaskLogChunk') return answer;
  if (answer.__typename !== 'NotFoundError') throw new CommandFailure(answer.message);
  const { taskId, attemptNumber } = wish;
  const { node } = await ask(gateway, NOUN, { taskId });
  if (node?.__typename === 'Job')
    throw new CommandFailure(`"${taskId}" is a job; its tasks, each with its id: tablao tasks ${taskId}`);
  if (node?.__typename !== 'Task') throw new CommandFailure(`There is no task with the id ${JSON.stringify(taskId)}.`);
  if (attemptNumber !== undefined && node.attempts?.nodes.length)
    throw new CommandFailure(`The task has no attempt ${attemptNumber}.`);
  throw new CommandFailure('No worker has been given this task yet; --follow waits for the first one.');
}
