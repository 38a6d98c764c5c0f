import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, type ClientConfig, Pool } from 'pg';
import { pino } from 'pino';
import type { TestProject } from 'vitest/node';
import { openDataDirectory } from '../../src/store/data-directory.ts';
import { type EmbeddedServer, startEmbedded } from '../../src/store/embedded.ts';
import { migrate } from '../../src/store/migrate.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The migrated database of the run's server: the template, to which nobody connects. */
    templateDatabase: ClientConfig;
  }
}

const logger = pino({ level: 'warn' });
const PREFIX = 'tablao-test-';

/** One real server for the whole run. It ends with this process, whatever ends it: see the watchdog in src/store. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await removeLeftovers();
  const folder = await mkdtemp(join(tmpdir(), PREFIX));
  const directory = await openDataDirectory(folder);
  const server = await startEmbedded({
    directory,
    logger,
    testSettings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '200' },
  });
  await makeTemplate(server);
  project.provide('templateDatabase', server.config);

  return async () => {
    await server.stop();
    await directory.release();
    await rm(folder, { recursive: true, force: true });
  };
}

async function makeTemplate(server: EmbeddedServer): Promise<void> {
  const superuser = new Client(server.superuser);
  await superuser.connect();
  await superuser.query(`ALTER ROLE "${server.config.user}" CREATEDB`);
  await superuser.end();

  const pool = new Pool(server.config);
  try {
    await migrate(pool, { logger });
  } finally {
    await pool.end();
  }
}

/** The folders of runs that were interrupted: no gateway's lock is alive in them. */
async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    // Without a lock it belongs to a run that is just beginning.
    if (!name.startsWith(PREFIX) || !existsSync(join(tmpdir(), name, 'gateway.lock'))) continue;
    try {
      const directory = await openDataDirectory(join(tmpdir(), name));
      await rm(directory.path, { recursive: true, force: true });
      await directory.release();
    } catch {
      // In use by another run, or another user's.
    }
  }
}
