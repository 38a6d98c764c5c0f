import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { SetupError } from '../domain/setup-error.ts';
import { VERSION } from '../server/version.ts';
import { defaultStateDirectory } from '../worker/state-directory.ts';
import { runWorker } from '../worker/worker.ts';
import { createLogger } from './logger.ts';
import { addMachineOptions, type MachineFlags } from './worker-options.ts';

/** After a restart that the gateway asked for: whoever watches over the process starts it again (sysexits: EX_TEMPFAIL). */
export const RESTART_EXIT_CODE = 75;

interface Flags extends MachineFlags {
  readonly gateway: string;
  readonly tokenFile?: string;
  readonly name: string;
  readonly taskTypes?: string[];
  readonly tags?: string[];
  readonly stateDir: string;
  readonly logLevel: string;
  readonly json?: boolean;
}

/** `tablao worker`: executes tasks until SIGTERM, SIGINT, or the gateway asks it to leave. */
export function workerCommand(): Command {
  const command = new Command('worker')
    .description('execute tasks of a gateway on this machine')
    .addOption(
      new Option('--gateway <url>', 'address of the gateway').env('TABLAO_GATEWAY').default('http://127.0.0.1:4000'),
    )
    .addOption(new Option('--token-file <file>', 'file with the token to register with').env('TABLAO_TOKEN_FILE'))
    .option('--name <name>', 'name of this worker', hostname())
    .option('--task-types <types>', 'comma-separated task types (default: all that this machine can do)', readList)
    .option('--tags <tags>', 'comma-separated tags that jobs can ask for', readList)
    .option('--state-dir <folder>', 'where this worker keeps its identity and reports', defaultStateDirectory())
    .addOption(new Option('--log-level <level>', 'how much to log').env('TABLAO_LOG_LEVEL').default('info'))
    .option('--json', 'log in JSON, on a terminal too')
    .addHelpText(
      'after',
      `\nExit codes: 0 signed off; 1 it could not go on; ${RESTART_EXIT_CODE} asked to restart: start it again.`,
    )
    .action(execute);
  return addMachineOptions(command);
}

async function execute(flags: Flags): Promise<void> {
  const logger = createLogger(flags.logLevel, flags.json);
  const end = await runWorker(
    {
      gateway: readAddress(flags.gateway),
      name: flags.name,
      version: VERSION,
      taskTypes: flags.taskTypes,
      tags: flags.tags ?? [],
      blenders: flags.blender,
      cyclesDevice: flags.cyclesDevice,
      roots: flags.root,
      allowPrograms: flags.allowProgram,
      allowAutoexec: flags.allowAutoexec,
      stateDir: resolve(flags.stateDir),
      registrationToken: readToken(flags.tokenFile),
    },
    { logger, signal: endOnSignal() },
  );
  process.exitCode = end === 'RESTART' ? RESTART_EXIT_CODE : 0;
}

/** The first signal ends in good order, the second at once: Blender ends by itself when its worker is gone. */
function endOnSignal(): AbortSignal {
  const stop = new AbortController();
  for (const [name, exitCode] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(exitCode);
      stop.abort();
    });
  }
  return stop.signal;
}

function readList(value: string): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function readAddress(value: string): string {
  if (!URL.canParse(value) || !/^https?:/.test(value)) {
    throw new SetupError(`--gateway "${value}" is no address: write it as http://127.0.0.1:4000.`);
  }
  return value.replace(/\/+$/, '');
}

function readToken(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new SetupError(`The token file "${file}" cannot be read: ${(error as Error).message}`);
  }
}
