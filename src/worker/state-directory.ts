import { chmodSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { SetupError } from '../domain/setup-error.ts';
import { makeFolders } from '../system/make-folders.ts';

/** Where a worker keeps what must outlive it; one worker process at a time uses it (lock-file.ts). */
export interface StateDirectory {
  readonly path: string;
  readonly registration: string;
  readonly lock: string;
  /** What the process left for (worker-end.ts). */
  readonly end: string;
  readonly journal: string;
  /** One file per running program (process-record.ts). */
  readonly programs: string;
  /** One file per attempt folder (attempt-folder.ts). */
  readonly attempts: string;
  /** One spool file per attempt (log-spool.ts). */
  readonly logs: string;
}

/**
 * Makes the directory, readable by its owner only: it holds the worker's token.
 * @throws SetupError when it cannot be made or written
 */
export async function openStateDirectory(path: string): Promise<StateDirectory> {
  const state = {
    path,
    registration: join(path, 'worker.json'),
    lock: join(path, 'worker.lock'),
    end: join(path, 'end.json'),
    journal: join(path, 'reports.ndjson'),
    programs: join(path, 'programs'),
    attempts: join(path, 'attempts'),
    logs: join(path, 'logs'),
  };
  try {
    if ((await makeFolders(path)).length > 0) chmodSync(path, 0o700);
    for (const folder of [state.programs, state.attempts, state.logs]) await makeFolders(folder);
    const probe = join(path, `.probe-${process.pid}`);
    writeFileSync(probe, '');
    rmSync(probe);
  } catch (error) {
    throw new SetupError(`The state directory "${path}" cannot be written: ${(error as Error).message}`);
  }
  return state;
}

/** The state directory of a worker that this user starts by hand. */
export function defaultStateDirectory(environment = process.env, platform = process.platform): string {
  if (platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'tablao', 'worker');
  if (platform === 'win32') {
    return join(environment.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'tablao', 'worker');
  }
  return join(environment.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'tablao', 'worker');
}

/** Replaces the file in one step, so that a crash leaves the old or the new one. */
export function writeJson(path: string, value: unknown): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, JSON.stringify(value), { mode: 0o600 });
  renameSync(temporary, path);
}

/** @returns undefined when the file is missing or no JSON (torn by a crash of the machine) */
export function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** The records of a folder, each with its path; what cannot be read is removed. */
export function readRecords(folder: string): { path: string; value: unknown }[] {
  const records = [];
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const value = readJson(path);
    if (value === undefined) rmSync(path, { force: true });
    else records.push({ path, value });
  }
  return records;
}
