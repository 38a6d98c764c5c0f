import { randomUUID } from 'node:crypto';
import { chmod, link, readFile, readlink, realpath, rm, rmdir, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SetupError } from '../domain/setup-error.ts';
import { makeFolders } from '../system/make-folders.ts';
import { identifyProcess, isAlive, type ProcessIdentity } from '../system/process-identity.ts';

/** A folder that this process alone uses, until `release` or its end. */
export interface DataDirectory {
  /** Absolute, without symbolic links. */
  readonly path: string;
  /** Also removes the folders that were made for it, if nothing is in them. Idempotent. Call it last, when nothing writes there any more. */
  release(): Promise<void>;
}

interface Holder extends ProcessIdentity {
  token: string;
  /** Host and process namespace: a pid says nothing about a process of another machine or container. */
  place: string;
}

const HEARTBEAT_MS = 5_000;
/** Six missed beats: long enough for a laptop's hiccup, short enough to wait for after a container died. */
const FOREIGN_HOLDER_DEAD_MS = 30_000;

/**
 * Makes the folder if it is not there and locks it.
 *
 * @throws SetupError when it cannot be made or written, or when another gateway uses it
 */
export async function openDataDirectory(folder: string): Promise<DataDirectory> {
  const { path, made } = await makeFolder(folder);
  const lockFile = join(path, 'gateway.lock');
  const me: Holder = {
    token: randomUUID(),
    ...((await identifyProcess(process.pid)) ?? { pid: process.pid, startedAt: '' }),
    place: await describePlace(),
  };
  try {
    await takeLock(path, lockFile, me);
  } catch (error) {
    await removeEmpty(made);
    throw error;
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(lockFile, now, now).catch(() => {});
  }, HEARTBEAT_MS).unref();

  return {
    path,
    async release() {
      clearInterval(heartbeat);
      if ((await readHolder(lockFile))?.token === me.token) await rm(lockFile, { force: true });
      await removeEmpty(made);
    },
  };
}

async function makeFolder(folder: string): Promise<{ path: string; made: string[] }> {
  try {
    const made = await makeFolders(folder);
    // Folders above it keep the usual mode: as root, PostgreSQL's user must be able to pass through them.
    if (made.length > 0) await chmod(folder, 0o700);
    return { path: await realpath(folder), made };
  } catch (error) {
    throw unusable(folder, error);
  }
}

/** @param folders the outermost first; what has something in it stays */
async function removeEmpty(folders: readonly string[]): Promise<void> {
  try {
    for (const folder of folders.toReversed()) await rmdir(folder);
  } catch {
    // Not empty: it was used.
  }
}

async function takeLock(path: string, lockFile: string, me: Holder): Promise<void> {
  // Written beside it and linked, so that whoever reads the lock never sees half of it.
  const draft = `${lockFile}.${me.token}`;
  try {
    await writeFile(draft, JSON.stringify(me), { mode: 0o600 });
    for (let tries = 0; tries < 100; tries++) {
      try {
        return await link(draft, lockFile);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = await readHolder(lockFile);
      if (holder && (await isHeld(holder, me.place, lockFile))) {
        const where = holder.place === me.place ? '' : ` on ${holder.place.split(' ')[0]}`;
        throw new SetupError(
          `The data directory ${path} is in use by another gateway (pid ${holder.pid}${where}): stop that one, or choose another with --data-dir.`,
        );
      }
      if (holder && !(await clearDeadLock(lockFile, holder))) await delay(10);
    }
    throw new SetupError(
      `The lock of the data directory ${path} cannot be taken over: if no gateway runs, remove ${lockFile}*.`,
    );
  } catch (error) {
    throw error instanceof SetupError ? error : unusable(path, error);
  } finally {
    await rm(draft, { force: true }).catch(() => {});
  }
}

/**
 * Two that find the same dead lock must not both clear it: the slower one would remove the faster one's new lock. So the
 * right to clear is a second name for the file, made of the dead one's token: only one can make it, and it shows whether
 * the lock was still the dead one's when it was made.
 *
 * @returns whether the way is free now
 */
async function clearDeadLock(lockFile: string, dead: Holder): Promise<boolean> {
  const claim = `${lockFile}.dead.${dead.token}`;
  try {
    await link(lockFile, claim);
  } catch {
    return false;
  }
  try {
    if ((await readHolder(claim))?.token === dead.token) await rm(lockFile, { force: true });
    return true;
  } finally {
    await rm(claim, { force: true });
  }
}

/** @returns undefined when there is no lock */
async function readHolder(lockFile: string): Promise<Holder | undefined> {
  let text: string;
  try {
    text = await readFile(lockFile, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return JSON.parse(text) as Holder;
  } catch {
    // A power cut can leave the file empty; whoever wrote it is gone.
    return { token: 'unreadable', pid: 0, startedAt: '', place: '' };
  }
}

async function isHeld(holder: Holder, here: string, lockFile: string): Promise<boolean> {
  if (holder.startedAt === '') return false;
  if (holder.place === here) return await isAlive(holder);
  try {
    return Date.now() - (await stat(lockFile)).mtimeMs < FOREIGN_HOLDER_DEAD_MS;
  } catch {
    return false;
  }
}

async function describePlace(): Promise<string> {
  const namespace = await readlink('/proc/self/ns/pid').catch(() => '');
  return `${hostname()} ${namespace}`.trim();
}

function unusable(path: string, error: unknown): SetupError {
  const { code, message } = error as NodeJS.ErrnoException;
  const reasons: Record<string, string> = {
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    EROFS: 'the file system is read-only',
    ENOSPC: 'the disk is full',
    ENOENT: 'no folder can be made there',
    EEXIST: 'it is not a folder',
    ENOTDIR: 'it is not a folder, or lies below a file',
  };
  return new SetupError(`The data directory ${path} cannot be used: ${(code && reasons[code]) ?? message}.`, {
    cause: error,
  });
}
