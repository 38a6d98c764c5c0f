import { rename, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { AttemptFailure, errorCode, toAttemptFailure } from '../attempt-failure.ts';
import { withAttemptFolder } from '../attempt-folder.ts';
import type { Output } from '../gateway-client.ts';
import { type ProcessGroup, type ProgramEnd, startGroup } from '../process-group.ts';
import { cleanEnvironment } from '../program-environment.ts';
import type { CommandContext } from './command-context.ts';
import { LocalPath, readParameters } from './parameters.ts';

const Argument = z.union([z.string(), z.strictObject({ path: LocalPath }), z.strictObject({ output: LocalPath })]);
const Parameters = z.object({ program: z.string(), arguments: z.array(Argument) });
type Argument = z.infer<typeof Argument>;

/**
 * Runs a program that the worker's owner allowed, without a shell, in an empty folder. It succeeds when the program ends with
 * exit code 0 and has written each of its outputs; these get into place only then.
 */
export async function exec(given: unknown, context: CommandContext): Promise<readonly Output[]> {
  const { program, arguments: args } = readParameters(Parameters, 'exec', given);
  const allowed = context.programs.find(({ name }) => name === program);
  if (allowed === undefined) throw notAllowed(program, context);
  const outputs = args.flatMap((argument) =>
    typeof argument === 'object' && 'output' in argument ? argument.output : [],
  );
  const folders = [context.workFolder, ...new Set(outputs.map((output) => dirname(output)))];
  return await withFolders(folders, context, async (own) => {
    const [cwd = ''] = own.values();
    const draftOf = (output: string) => join(own.get(dirname(output)) ?? '', basename(output));
    const words = args.map((argument) => toWord(argument, draftOf));
    context.log.write(`tablao: ${[allowed.path, ...words].map((word) => JSON.stringify(word)).join(' ')}\n`);
    await runToEnd(allowed.path, words, cwd, context);
    return await moveOutputs(outputs, draftOf, context);
  });
}

function toWord(argument: Argument, draftOf: (output: string) => string): string {
  if (typeof argument === 'string') return argument;
  return 'path' in argument ? argument.path : draftOf(argument.output);
}

/** Gives the attempt a folder beside each, by the folder that it stands in. */
async function withFolders<Result>(
  [first, ...rest]: readonly string[],
  context: CommandContext,
  use: (own: ReadonlyMap<string, string>) => Promise<Result>,
  own: ReadonlyMap<string, string> = new Map(),
): Promise<Result> {
  if (first === undefined) return await use(own);
  const { attemptRecords, assignment } = context;
  return await withAttemptFolder(attemptRecords, assignment.attempt.id, first, (folder) =>
    withFolders(rest, context, use, new Map([...own, [first, folder]])),
  );
}

async function runToEnd(program: string, args: string[], cwd: string, context: CommandContext): Promise<void> {
  const { signal, log } = context;
  signal.throwIfAborted();
  const group = startGroup({
    program,
    args,
    cwd,
    environment: cleanEnvironment(),
    recordFolder: context.programRecords,
  });
  const onAbort = () => void group.kill();
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  // A program that asks something would wait for ever.
  group.stdin.end();
  logOutput(group, context);
  const end = await group.ended;
  signal.removeEventListener('abort', onAbort);
  // What it started may outlive it.
  await group.kill();
  await log.drained();
  signal.throwIfAborted();
  if (end.exitCode !== 0) throw failureOf(program, end);
}

function logOutput({ stdout, stderr }: ProcessGroup, { log }: CommandContext): void {
  for (const stream of [stdout, stderr]) {
    stream.setEncoding('utf8');
    stream.on('error', () => {}); // its end tells
    stream.on('data', (text: string) => {
      if (log.write(text)) return;
      stream.pause();
      void log.drained().then(() => stream.resume());
    });
  }
}

async function moveOutputs(
  outputs: readonly string[],
  draftOf: (output: string) => string,
  { signal, untilMayMove }: CommandContext,
): Promise<Output[]> {
  const made: Output[] = [];
  for (const path of outputs) {
    const bytes = (await stat(draftOf(path)).catch(() => undefined))?.size ?? 0;
    if (bytes === 0)
      throw new AttemptFailure('OTHER', `The program ended with exit code 0, but did not write "${path}".`);
    made.push({ path, bytes });
  }
  await untilMayMove(signal);
  for (const path of outputs) {
    await rename(draftOf(path), path).catch((error) => {
      throw toAttemptFailure(error, `"${path}" cannot be put into place`);
    });
  }
  return made;
}

function notAllowed(program: string, { programs }: CommandContext): AttemptFailure {
  const names = programs.map(({ name }) => name).join(', ') || 'none';
  const remedy = `Its owner can allow it: worker --allow-program ${program}=PATH`;
  return new AttemptFailure(
    'PROGRAM_NOT_FOUND',
    `This worker does not run the program "${program}" for tasks; it runs: ${names}. ${remedy}.`,
  );
}

function failureOf(program: string, { exitCode, signal, startError }: ProgramEnd): AttemptFailure {
  const name = `"${program}"`;
  if (startError !== undefined) {
    const kind = errorCode(startError) === 'ENOENT' ? 'PROGRAM_NOT_FOUND' : 'OTHER';
    return new AttemptFailure(kind, `${name} could not be started: ${startError.message}`);
  }
  if (exitCode !== null) return new AttemptFailure('EXIT_CODE', `${name} ended with exit code ${exitCode}.`, exitCode);
  return new AttemptFailure('EXIT_CODE', `${name} was ended by ${signal}.`);
}
