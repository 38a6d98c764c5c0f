import { linkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { SetupError } from '../domain/setup-error.ts';
import { identifyProcess, isAlive, type ProcessIdentity } from '../system/process-identity.ts';
import { errorCode } from './attempt-failure.ts';
import { readJson } from './state-directory.ts';

const Holder = z.object({ pid: z.number(), startedAt: z.string() });

export interface Lock {
  release(): void;
}

/** The living process that holds the lock; undefined when nobody does, or only a dead one. */
export async function readLockHolder(path: string): Promise<ProcessIdentity | undefined> {
  const holder = Holder.safeParse(readJson(path)).data;
  return holder !== undefined && (await isAlive(holder)) ? holder : undefined;
}

/**
 * Takes the lock, from a dead holder too: a lock that a crash left behind must not need a person.
 * @throws SetupError when a living process holds it
 */
export async function takeLock(path: string, what: string): Promise<Lock> {
  const mine = await identifyProcess(process.pid);
  if (mine === undefined) throw new SetupError(`This system does not tell when process ${process.pid} started.`);
  // a link puts the file there with its content in one step; an empty lock would look like a dead one's
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(mine), { mode: 0o600 });
  try {
    while (!placed(draft, path)) {
      const holder = await readLockHolder(path);
      if (holder !== undefined) {
        throw new SetupError(`Another process (pid ${holder.pid}) already uses ${what}.`);
      }
      await setAside(path);
    }
  } finally {
    rmSync(draft, { force: true });
  }
  return {
    release: () => {
      if (Holder.safeParse(readJson(path)).data?.pid === mine.pid) rmSync(path, { force: true });
    },
  };
}

function placed(draft: string, path: string): boolean {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Moves a dead one's lock away. Two may try at once: whoever moved a living one's puts it back. */
async function setAside(path: string): Promise<void> {
  const aside = `${path}.${process.pid}.old`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw error;
  }
  if ((await readLockHolder(aside)) !== undefined) placed(aside, path);
  rmSync(aside, { force: true });
}
