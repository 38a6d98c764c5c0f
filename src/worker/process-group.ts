import { type ChildProcess, execFile, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { identifyProcess } from '../system/process-identity.ts';
import { errorCode } from './attempt-failure.ts';
import { recordProgram } from './process-record.ts';

/** How a program ended: by itself, by a signal, or it never started. */
export interface ProgramEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly startError?: Error;
}

/** A program and all that it starts. */
export interface ProcessGroup {
  readonly pid: number | undefined;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Settles when the program has ended and its output has been read to the end; never rejects. */
  readonly ended: Promise<ProgramEnd>;
  /** Ends the group; settles when nothing of it runs any more. May be called again. */
  kill(): Promise<void>;
}

export interface ProgramStart {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Where running programs are recorded (state directory); without it this one is not. */
  readonly recordFolder?: string;
}

/** SIGTERM lets a program put down what it holds; a second later nobody waits any more: a stop must be done within two. */
const GRACE_MS = 1000;
const AFTER_KILL_MS = 300;
const POLL_MS = 20;

/**
 * Starts a program without a shell, as the leader of a group of its own. Read its output at once: Node throws away what a
 * program printed when it ends before anybody listens.
 */
export function startGroup(start: ProgramStart): ProcessGroup {
  const child = spawn(start.program, start.args, {
    cwd: start.cwd,
    env: start.environment,
    detached: process.platform !== 'win32',
    windowsHide: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => {}); // it ended before it read everything: `ended` tells
  const ended = waitForEnd(child);
  const { pid } = child;
  // Where the disk is full it runs without a record: only a crash of the worker would miss that.
  const recorded = pid === undefined ? undefined : recordStart(pid, start).catch(() => undefined);
  let killing: Promise<void> | undefined;
  return {
    pid,
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    ended: ended.then(async (end) => {
      (await recorded)?.forget();
      return end;
    }),
    kill: () => {
      killing ??= pid === undefined ? Promise.resolve() : killGroup(pid, GRACE_MS).then(() => ended.then(() => {}));
      return killing;
    },
  };
}

async function recordStart(pid: number, { program, recordFolder }: ProgramStart) {
  const identity = recordFolder === undefined ? undefined : await identifyProcess(pid);
  return identity && recordProgram(recordFolder!, identity, program);
}

function waitForEnd(child: ChildProcess): Promise<ProgramEnd> {
  return new Promise((resolve) => {
    child.on('error', (startError) => {
      if (child.pid === undefined) resolve({ exitCode: null, signal: null, startError });
    });
    child.once('exit', (exitCode, signal) => {
      // a process that left the group may hold the pipes open for ever: the program's own end counts
      const closing = setTimeout(() => {
        child.stdout?.destroy();
        child.stderr?.destroy();
      }, GRACE_MS);
      child.once('close', () => {
        clearTimeout(closing);
        resolve({ exitCode, signal });
      });
    });
  });
}

/**
 * Ends a whole process group.
 * @param graceMs how long SIGTERM may take before SIGKILL
 */
export async function killGroup(pid: number, graceMs = 0): Promise<void> {
  if (process.platform === 'win32') {
    await promisify(execFile)('taskkill', ['/PID', String(pid), '/T', '/F']).catch(() => {}); // already gone
    return;
  }
  if (graceMs > 0 && signalGroup(pid, 'SIGTERM') && (await isGroupGone(pid, graceMs))) return;
  signalGroup(pid, 'SIGKILL');
  await isGroupGone(pid, AFTER_KILL_MS);
}

/** macOS answers EPERM for a group of which only ended members are left. */
const NOBODY_THERE = new Set(['ESRCH', 'EPERM']);

function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch (error) {
    if (NOBODY_THERE.has(errorCode(error) ?? '')) return false;
    throw error;
  }
}

/** Members that ended but were not yet waited for still count, so this is bounded. */
async function isGroupGone(pid: number, withinMs: number): Promise<boolean> {
  for (let waited = 0; waited < withinMs; waited += POLL_MS) {
    if (!signalGroup(pid, 0)) return true;
    await sleep(POLL_MS);
  }
  return !signalGroup(pid, 0);
}
