import { execFile } from 'node:child_process';
import { chmod, chown, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { SetupError } from '../domain/setup-error.ts';

const run = promisify(execFile);

/** The ordinary user under whom PostgreSQL runs when the gateway runs as root, which the server refuses. */
export interface ServerUser {
  name: string;
  uid: number;
  gid: number;
}

/** Whoever has PostgreSQL installed has the first; the second is everywhere. */
const CANDIDATES = ['postgres', 'nobody'];

/**
 * @param cluster the database's files: once made, their owner stays the server's user
 * @returns undefined when the gateway's own user will do
 */
export async function findServerUser(cluster: string): Promise<ServerUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;

  const owner = await stat(cluster).catch(() => undefined);
  if (owner && owner.uid !== 0) return { name: `uid ${owner.uid}`, uid: owner.uid, gid: owner.gid };

  const accounts = (await readFile('/etc/passwd', 'utf8').catch(() => '')).split('\n').map((line) => line.split(':'));
  for (const candidate of CANDIDATES) {
    const account = accounts.find(([name]) => name === candidate);
    // macOS writes -2 for 4294967294.
    if (account) return { name: candidate, uid: Number(account[2]) >>> 0, gid: Number(account[3]) >>> 0 };
  }
  throw new SetupError(
    `PostgreSQL refuses to run as root, and there is no user ${CANDIDATES.join(' or ')}: start the gateway as an ordinary user, or give it a server with --database-url.`,
  );
}

/**
 * Lets the server's user pass through the data directory, and through nothing above it: those folders are not ours.
 *
 * @throws SetupError when a folder above is closed to it
 */
export async function letThrough(user: ServerUser | undefined, dataDirectory: string): Promise<void> {
  if (!user || (await mayEnter(user, dataDirectory))) return;
  const { uid, mode } = await stat(dataDirectory);
  await chown(dataDirectory, uid, user.gid);
  await chmod(dataDirectory, (mode & 0o7777) | 0o010);
  if (await mayEnter(user, dataDirectory)) return;

  const closed = await findClosedFolder(dataDirectory);
  throw new SetupError(
    `The database cannot be kept in ${dataDirectory}: PostgreSQL refuses to run as root, and its user (${user.name}) may not enter ${closed}. Choose another folder with --data-dir, for example /var/lib/tablao.`,
  );
}

/** Whether the user may enter the folder, tried rather than computed: access lists and mounts have a say too. */
export async function mayEnter(user: ServerUser, folder: string): Promise<boolean> {
  try {
    await run('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { uid: user.uid, gid: user.gid, cwd: '/' });
    return true;
  } catch {
    return false;
  }
}

async function findClosedFolder(folder: string): Promise<string> {
  let closed = folder;
  for (let above = dirname(folder); above !== dirname(above); above = dirname(above)) {
    if (((await stat(above)).mode & 0o001) === 0) closed = above;
  }
  return closed;
}
