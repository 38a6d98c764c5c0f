import { spawn } from 'node:child_process';
import { closeSync, openSync, renameSync, statSync } from 'node:fs';
import { extname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { identifyProcess, isAlive, type ProcessIdentity } from '../system/process-identity.ts';
import { readLockHolder } from '../worker/lock-file.ts';
import { openStateDirectory, readJson } from '../worker/state-directory.ts';
import { readEnd } from '../worker/worker-end.ts';

export interface LocalWorkerOptions {
  /** Its gateway's address. */
  readonly gateway: string;
  readonly stateDirectory: string;
  /** Gets what the worker says. */
  readonly logFile: string;
  readonly logLevel: string;
  readonly workerArguments: readonly string[];
  readonly logger: Logger;
}

/** The gateway's own worker: a process of its own, so that a crash of the gateway ends no render. */
export interface LocalWorker {
  readonly pid: number;
  /** Whether it was alive already, left by a gateway that was killed. */
  readonly isAdopted: boolean;
  readonly logFile: string;
  /** Lets it hand back what it executes and sign off, then ends it. Idempotent. */
  stop(): Promise<void>;
}

/** The program, as source or compiled. */
const MAIN = fileURLToPath(new URL(`../main${extname(import.meta.filename)}`, import.meta.url));
/** The worker gives itself about 7 s to end its programs and to sign off. */
const PATIENCE_MS = 12_000;
const LOOK_MS = 200;
/** One that lived this long was no failed start. */
const STABLE_MS = 60_000;
const LONGEST_PAUSE_MS = 60_000;
/** What a worker says in years of failed starts must not fill the disk. */
const LARGEST_LOG_BYTES = 10 * 1024 * 1024;

interface WorkerProcess {
  readonly identity: ProcessIdentity;
  readonly isAdopted: boolean;
  /** Its exit code; null when it is not known: it was ended by a signal, or another process had started it. */
  readonly ended: Promise<number | null>;
}

/**
 * Starts the worker, or adopts the one that is alive, and keeps one: it is started again when it fails or was asked to
 * restart, and stays away when it was asked to leave.
 *
 * @throws SetupError when its state directory cannot be made
 */
export async function startLocalWorker(options: LocalWorkerOptions): Promise<LocalWorker> {
  const { logger, logFile } = options;
  const stopping = new AbortController();
  const state = await openStateDirectory(options.stateDirectory);
  let current = (await adoptWorker(options)) ?? (await spawnWorker(options));
  const first = current;

  async function keepOne(): Promise<void> {
    for (let failures = 0; ; ) {
      const since = performance.now();
      const exitCode = await current.ended;
      const end = readEnd(state.end, current.identity);
      if (stopping.signal.aborted) return;
      if (end === 'OFFLINE') {
        logger.info('the local worker was asked to leave: the next start of the gateway starts it again');
        return;
      }
      if (end === 'RESTART') {
        logger.info('the local worker restarts, as it was asked to');
      } else {
        failures = performance.now() - since > STABLE_MS ? 1 : failures + 1;
        const pauseMs = Math.min(1000 * 2 ** (failures - 1), LONGEST_PAUSE_MS);
        const what = `the local worker has ended; starting it again in ${pauseMs / 1000} s (its log is ${logFile})`;
        logger.warn({ exitCode }, what);
        await delay(pauseMs, undefined, { signal: stopping.signal }).catch(() => {});
      }
      if (stopping.signal.aborted) return;
      current = (await adoptWorker(options)) ?? (await spawnWorker(options));
      if (stopping.signal.aborted) return await endProcess(current.identity);
    }
  }

  const kept = keepOne().catch((error) => logger.error({ err: error }, 'the local worker cannot be started again'));
  let stopped: Promise<void> | undefined;
  return {
    pid: first.identity.pid,
    isAdopted: first.isAdopted,
    logFile,
    stop() {
      stopped ??= (async () => {
        stopping.abort();
        await endProcess(current.identity);
        await kept;
      })();
      return stopped;
    },
  };
}

/** @returns undefined when there is none, or only one of another gateway's address, which is ended */
async function adoptWorker({
  stateDirectory,
  gateway,
  logger,
}: LocalWorkerOptions): Promise<WorkerProcess | undefined> {
  const { lock, registration } = await openStateDirectory(stateDirectory);
  const identity = await readLockHolder(lock);
  if (identity === undefined) return undefined;
  const known = readJson(registration) as { gateway?: string } | undefined;
  if (known?.gateway !== undefined && known.gateway !== gateway) {
    logger.info(
      { pid: identity.pid },
      `ending the worker of the address that this gateway had before, ${known.gateway}`,
    );
    await endProcess(identity);
    return undefined;
  }
  return { identity, isAdopted: true, ended: waitForEnd(identity).then(() => null) };
}

async function spawnWorker(options: LocalWorkerOptions): Promise<WorkerProcess> {
  const { gateway, stateDirectory, logFile, logLevel, workerArguments } = options;
  const log = openLog(logFile);
  // Whoever executes tasks has no business in the database.
  const { DATABASE_URL: _, ...environment } = process.env;
  const own = ['--gateway', gateway, '--state-dir', stateDirectory, '--log-level', logLevel];
  const args = ['worker', ...own, ...workerArguments];
  const child = spawn(process.execPath, [MAIN, ...args], {
    detached: true,
    stdio: ['ignore', log, log],
    env: environment,
    windowsHide: true,
  });
  closeSync(log);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('exit', (code) => resolve(code));
    child.once('error', reject);
  });
  ended.catch(() => {});
  child.unref();
  const { pid } = child;
  if (pid === undefined) await ended; // throws why it could not be started
  // One that has ended already has no identity any more; a pid with no start time is never alive.
  const identity = (await identifyProcess(pid!)) ?? { pid: pid!, startedAt: '' };
  return { identity, isAdopted: false, ended };
}

function openLog(path: string): number {
  const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (bytes > LARGEST_LOG_BYTES) renameSync(path, `${path}.old`);
  return openSync(path, 'a', 0o600);
}

async function waitForEnd(identity: ProcessIdentity): Promise<void> {
  while (await isAlive(identity)) await delay(LOOK_MS, undefined, { ref: false });
}

async function endProcess(identity: ProcessIdentity): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (!(await isAlive(identity))) return;
    try {
      process.kill(identity.pid, signal);
    } catch {
      return; // it has ended just now
    }
    const deadline = performance.now() + PATIENCE_MS;
    while ((await isAlive(identity)) && performance.now() < deadline) await delay(50);
  }
}
