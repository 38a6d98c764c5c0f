import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { SetupError } from '../domain/setup-error.ts';
import { type Binaries, runProgram } from './embedded-binaries.ts';
import type { ServerUser } from './embedded-user.ts';

/** The embedded database's files: `postgres/` in the data directory. */
export interface Cluster {
  /** What PostgreSQL calls its data directory. */
  data: string;
  /** Holds the Unix socket; open to nobody else. */
  socketFolder: string;
  secretFile: string;
  /** What the server says; the run before it is kept as `.1`. */
  log: string;
}

/** Random passwords, made with the cluster. Whoever reads the file owns the database. */
export interface ClusterSecret {
  superuserPassword: string;
  password: string;
}

export const SUPERUSER = 'postgres';

export function locateCluster(dataDirectory: string): Cluster {
  const folder = join(dataDirectory, 'postgres');
  return {
    data: join(folder, 'data'),
    socketFolder: join(folder, 'socket'),
    secretFile: join(folder, 'secret.json'),
    log: join(folder, 'server.log'),
  };
}

export interface ClusterOptions {
  dataDirectory: string;
  binaries: Binaries;
  user: ServerUser | undefined;
  logger: Logger;
  /** Off only in tests: then a power cut may cost the whole database. */
  isDurable: boolean;
}

/**
 * Makes the cluster if it is not there. It grows under another name and gets its own when it is complete, so a crash in
 * the middle leaves nothing to mend: the next start removes the pieces.
 *
 * @throws SetupError when it cannot be made, or was made by another major version
 */
export async function prepareCluster(options: ClusterOptions): Promise<Cluster> {
  const { dataDirectory, binaries } = options;
  for (const name of await readdir(dataDirectory)) {
    if (name.startsWith('postgres.new-')) {
      // A killed gateway's initdb may still be writing for a moment.
      await rm(join(dataDirectory, name), { recursive: true, force: true, maxRetries: 5 });
    }
  }

  const cluster = locateCluster(dataDirectory);
  const version = await readMajorVersion(cluster);
  if (version === undefined) await createCluster(options);
  else if (version !== binaries.majorVersion) {
    throw new SetupError(
      `The database in ${dataDirectory} was made by PostgreSQL ${version}, and this program brings PostgreSQL ${binaries.majorVersion}: use the version of Tablao that made it, or choose another folder with --data-dir.`,
    );
  }
  return cluster;
}

/** @throws SetupError when it is lost, or belongs to somebody else */
export async function readSecret({ secretFile }: Cluster): Promise<ClusterSecret> {
  try {
    return JSON.parse(await readFile(secretFile, 'utf8')) as ClusterSecret;
  } catch (error) {
    throw new SetupError(`The database's passwords cannot be read: ${(error as Error).message}.`, { cause: error });
  }
}

/** @returns undefined when there is no cluster yet */
async function readMajorVersion({ data }: Cluster): Promise<number | undefined> {
  try {
    return Number(await readFile(join(data, 'PG_VERSION'), 'utf8'));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new SetupError(`The database in ${data} cannot be read: ${message}.`, { cause: error });
  }
}

async function createCluster({ dataDirectory, binaries, user, logger, isDurable }: ClusterOptions): Promise<void> {
  logger.info({ dataDirectory }, 'making the database');
  const folder = join(dataDirectory, `postgres.new-${randomBytes(4).toString('hex')}`);
  const passwordFile = join(folder, 'superuser-password');
  const draft = { data: join(folder, 'data'), socket: join(folder, 'socket'), secret: join(folder, 'secret.json') };
  const secret: ClusterSecret = {
    superuserPassword: randomBytes(24).toString('hex'),
    password: randomBytes(24).toString('hex'),
  };
  try {
    await mkdir(folder, { mode: 0o700 });
    await mkdir(draft.data, { mode: 0o700 });
    await mkdir(draft.socket, { mode: 0o700 });
    await writeFile(passwordFile, secret.superuserPassword, { mode: 0o600 });
    await writeFile(draft.secret, JSON.stringify(secret), { mode: 0o600, flush: true });
    if (user) {
      // Not by mkdir, whose mode the umask cuts. The server's user passes through, and owns the two folders in it.
      await chmod(folder, 0o711);
      for (const path of [draft.data, draft.socket, passwordFile]) await chown(path, user.uid, user.gid);
    }
    await runProgram(
      binaries.initdb,
      [
        `--pgdata=${draft.data}`,
        `--username=${SUPERUSER}`,
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        // Fixed, or the cluster would depend on the LANG of whoever started the gateway first.
        '--encoding=UTF8',
        '--locale=C',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--no-instructions',
        ...(isDurable ? [] : ['--no-sync']),
      ],
      user,
    );
    await rm(passwordFile);
    await rename(folder, join(dataDirectory, 'postgres'));
    if (isDurable) await syncFolder(dataDirectory);
  } catch (error) {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    const { stderr, message } = error as Error & { stderr?: string };
    const reason =
      stderr
        ?.trim()
        .split('\n')
        .findLast((line) => line.includes('error:')) ?? message.split('\n')[0];
    throw new SetupError(`The database cannot be made in ${dataDirectory}: ${reason}.`, { cause: error });
  }
}

/** Without it a power cut soon after could take the folder's new name, and the next start would remove the database. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
