import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { AllowedProgram } from './allowed-programs.ts';
import { AttemptFailure, toAttemptFailure } from './attempt-failure.ts';
import { AttemptStopped } from './attempts.ts';
import type { BlenderPool } from './blender-pool.ts';
import type { CommandContext } from './commands/command-context.ts';
import { COMMANDS } from './commands/command-table.ts';
import type { Assignment, EndEvent, Output } from './gateway-client.ts';
import type { JobFiles } from './job-files.ts';
import { LogSpool } from './log-spool.ts';
import { LogUploader, type UploaderDeps } from './log-uploader.ts';
import type { MoveGate } from './move-gate.ts';
import type { Outbox } from './outbox.ts';
import type { Pictures } from './pictures.ts';
import { localize, type Root } from './roots.ts';
import type { StateDirectory } from './state-directory.ts';

export interface ExecutionDeps {
  readonly state: StateDirectory;
  readonly blender: BlenderPool;
  readonly roots: readonly Root[];
  readonly programs: readonly AllowedProgram[];
  readonly jobFiles: JobFiles;
  readonly gate: MoveGate;
  readonly outbox: Outbox;
  readonly uploader: UploaderDeps;
  readonly pictures: Pictures;
  readonly logger: Logger;
  /** Ends the sending of logs when the worker ends. */
  readonly lifetime: AbortSignal;
}

/** Executes one attempt to its end, and reports it. Never rejects. */
export async function executeAttempt(assignment: Assignment, signal: AbortSignal, deps: ExecutionDeps): Promise<void> {
  const { attemptToken } = assignment;
  const log = new LogSpool(join(deps.state.logs, fileNameOf(assignment)));
  const uploader = new LogUploader(deps.uploader, attemptToken, log);
  const abandon = () => uploader.abandon();
  deps.lifetime.addEventListener('abort', abandon, { once: true });
  void uploader.done.then(() => deps.lifetime.removeEventListener('abort', abandon));
  deps.outbox.begin(attemptToken);
  const event = await runToEnd(assignment, signal, log, deps);
  await log.end();
  if (event === undefined || !('completed' in event)) deps.pictures.forget(attemptToken);
  if (event === undefined) {
    deps.outbox.drop(attemptToken);
    uploader.abandon();
    return;
  }
  deps.logger.info({ attempt: assignment.attempt.id }, describeEnd(event));
  try {
    deps.outbox.end(attemptToken, event, uploader.finish());
  } catch (error) {
    deps.logger.error(
      { err: error },
      'the end of an attempt is not on disk: it is lost if this worker ends before it is sent',
    );
  }
}

/** @returns undefined when nothing is to be reported */
async function runToEnd(
  assignment: Assignment,
  signal: AbortSignal,
  log: LogSpool,
  deps: ExecutionDeps,
): Promise<EndEvent | undefined> {
  try {
    return { completed: { outputs: await runCommands(assignment, signal, log, deps) } };
  } catch (error) {
    if (signal.aborted && signal.reason instanceof AttemptStopped) {
      log.write(`tablao: ${signal.reason.message}\n`);
      return signal.reason.report;
    }
    if (!(error instanceof AttemptFailure)) deps.logger.error({ err: error }, 'a command failed unexpectedly');
    const { kind, message, exitCode } = toAttemptFailure(error, 'The worker failed');
    const tail = log.tail();
    log.write(`tablao: ${message}\n`);
    return {
      failed: { kind, message: tail === '' ? message : `${message}\n\nThe last lines of the log:\n${tail}`, exitCode },
    };
  }
}

async function runCommands(
  given: Assignment,
  signal: AbortSignal,
  log: LogSpool,
  deps: ExecutionDeps,
): Promise<readonly Output[]> {
  const { assignment, share } = localize(given, deps.roots);
  const { attemptToken, commands, task } = assignment;
  await deps.jobFiles.check(task.job.files, signal);
  const outputs: Output[] = [];
  const shareAll = (made: readonly Output[]) => made.map((output) => ({ ...output, path: share(output.path) }));
  for (const [index, command] of commands.entries()) {
    const run = COMMANDS[command.name];
    if (run === undefined) {
      throw new AttemptFailure('OTHER', `This worker's version does not know the command "${command.name}".`);
    }
    const context: CommandContext = {
      assignment,
      signal,
      log,
      blender: deps.blender,
      programs: deps.programs,
      programRecords: deps.state.programs,
      workFolder: deps.state.path,
      attemptRecords: deps.state.attempts,
      untilMayMove: (until) => deps.gate.untilOpen(attemptToken, until),
      showFrame: (frame, source) => deps.pictures.add({ attemptToken, frame, source }),
      reportProgress: (progress) =>
        deps.outbox.progress(attemptToken, {
          ...progress,
          fraction: (index + progress.fraction) / commands.length,
          ...(progress.outputs && { outputs: shareAll(progress.outputs) }),
        }),
    };
    outputs.push(...(await run(command.parameters, context)));
  }
  return shareAll(outputs);
}

/** No part of a token, which is a secret; ids have letters that a file name must not have. */
function fileNameOf({ attempt }: Assignment): string {
  return `${createHash('sha256').update(attempt.id).digest('hex').slice(0, 24)}.log`;
}

function describeEnd(event: EndEvent): string {
  if ('completed' in event) return `completed, ${event.completed.outputs.length} files`;
  if ('stopped' in event) return event.stopped.handedBack ? 'handed back' : 'stopped';
  return `failed, ${event.failed.kind}: ${event.failed.message.split('\n')[0]}`;
}
