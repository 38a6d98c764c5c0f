import { type ChildProcess, spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect } from 'vitest';
import { PROGRAM } from './worker-process.ts';

export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `tablao …` as a process of its own, with its two outputs apart. */
export interface RunningCommand {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  /** Waits until the output so far matches; fails when the process ends without. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  kill(signal: NodeJS.Signals): void;
}

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Nothing of the machine's own settings may decide how a test ends. */
const CLEAN = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(TABLAO_|DATABASE_URL$|NO_COLOR$|FORCE_COLOR$)/.test(name)),
);

const running = new Set<ChildProcess>();
afterEach(async () => {
  const left = [...running].filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  for (const child of left) child.kill('SIGKILL');
  running.clear();
  expect(left.map(({ spawnargs }) => spawnargs.slice(2).join(' '))).toEqual([]);
});

export function startCommand(args: readonly string[], { cwd, env }: CommandOptions = {}): RunningCommand {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    cwd,
    env: { ...CLEAN, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const outputs = Promise.all([text(child.stdout), text(child.stderr)]);
  return {
    pid: child.pid!,
    ended: exit.then(async (exitCode) => {
      const [stdout, stderr] = await outputs;
      return { exitCode, stdout, stderr };
    }),
    async says(pattern) {
      for (;;) {
        const match = pattern.exec(output);
        if (match) return match;
        if (child.exitCode !== null)
          throw new Error(`It ended with ${child.exitCode} and never said ${pattern}:\n${output}`);
        await delay(5);
      }
    },
    kill: (signal) => void child.kill(signal),
  };
}

/** Runs `tablao …` to its end. */
export function runCommand(args: readonly string[], options?: CommandOptions): Promise<Ended> {
  return startCommand(args, options).ended;
}

/** Exit code 1 and one line on stderr, without a stack trace. */
export function expectOneLine({ exitCode, stdout, stderr }: Ended, line: RegExp): void {
  expect({ exitCode, stdout, lines: stderr.trimEnd().split('\n').length }).toEqual({
    exitCode: 1,
    stdout: '',
    lines: 1,
  });
  expect(stderr).toMatch(line);
}
