import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The command line's entry. */
export const PROGRAM = resolve(import.meta.dirname, '../../src/main.ts');

/** A process of the command line, with all that it printed in a file. */
export interface Program {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Its exit code; null when a signal ended it. */
  readonly ended: Promise<number | null>;
  output(): string;
  /** Ends it and waits. */
  kill(signal?: NodeJS.Signals): Promise<void>;
}

export function startProgram(
  args: readonly string[],
  folder: string,
  name: string,
  environment: NodeJS.ProcessEnv = {},
): Program {
  mkdirSync(folder, { recursive: true });
  const log = join(folder, `${name}.log`);
  writeFileSync(log, '', { flag: 'a' });
  const sink = createWriteStream(log, { flags: 'a' });
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    cwd: folder,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.pipe(sink, { end: false });
  child.stderr.pipe(sink, { end: false });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return {
    child,
    pid: child.pid!,
    ended,
    output: () => readFileSync(log, 'utf8'),
    async kill(signal = 'SIGTERM') {
      child.kill(signal);
      await ended;
    },
  };
}

/** A worker process of its own, with its state in `folder/NAME`. */
export function startWorkerProcess(url: string, folder: string, name: string, args: readonly string[] = []): Program {
  return startProgram(
    ['worker', '--gateway', url, '--name', name, '--state-dir', join(folder, name), ...args],
    folder,
    name,
  );
}
