import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, type ClientConfig } from 'pg';
import type { Logger } from 'pino';
import { SetupError } from '../domain/setup-error.ts';
import type { DataDirectory } from './data-directory.ts';
import { findBinaries } from './embedded-binaries.ts';
import {
  type Cluster,
  type ClusterSecret,
  locateCluster,
  prepareCluster,
  readSecret,
  SUPERUSER,
} from './embedded-cluster.ts';
import { clearOrphan, type ServerProcess, spawnServer } from './embedded-process.ts';
import { findServerUser, letThrough } from './embedded-user.ts';

export interface EmbeddedServer {
  /** For `openDatabase`: a role without superuser rights, which owns its database. */
  readonly config: ClientConfig;
  /** For set-up only: who has it can run programs as the server's user. */
  readonly superuser: ClientConfig;
  /** Resolves if the server ends without having been stopped. */
  readonly lost: Promise<SetupError>;
  /** Quick, clean and idempotent. Close the pools first; whoever is still connected is cut off. Killed after the patience. */
  stop(patienceMs?: number): Promise<void>;
}

export interface EmbeddedOptions {
  /** The lock on it is what makes stopping a leftover server safe. */
  directory: DataDirectory;
  logger: Logger;
  /** Configuration parameters that win over ours; `fsync: 'off'` also makes the cluster without waiting for the disk. */
  testSettings?: Record<string, string>;
}

/** Measured: 12 MB idle, 31 MB with ten connections. */
const SETTINGS: Record<string, string> = {
  shared_buffers: '32MB',
  max_connections: '40',
  io_workers: '1',
  max_logical_replication_workers: '0',
  // What a client did wrong is told to the client; here would stand its statement, with the farm's data in it.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_checkpoints: 'off',
};

const ROLE = 'tablao';
const DATABASE = 'tablao';
/** Only part of the socket's name: nothing listens on the port. */
const SOCKET_PORT = 5432;
/** `sun_path`, with its final zero, is 108 bytes long on Linux and 104 elsewhere. */
const SOCKET_PATH_BYTES = process.platform === 'linux' ? 107 : 103;
/** A server that gives no answer at all; one that says "starting up" is recovering, and is waited for. */
const SILENCE_MS = 60_000;
/** What the server's log says of a cluster that was cut off. */
const RECOVERY = /database system was (interrupted|not properly shut down)/;
/** A port that was taken meanwhile; the last processes of a server that was killed. */
const PASSING_FAULTS = /Address already in use|could not create any TCP\/IP sockets|is still in use/;

/**
 * Starts PostgreSQL on the data directory, makes role and database if they are not there, and resolves when it answers.
 *
 * @throws SetupError
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  try {
    return await startOnDirectory(options);
  } catch (error) {
    if (error instanceof SetupError) throw error;
    const [reason] = (error as Error).message.split('\n');
    throw new SetupError(`The database in ${options.directory.path} cannot be started: ${reason}.`, { cause: error });
  }
}

async function startOnDirectory({ directory, logger, testSettings }: EmbeddedOptions): Promise<EmbeddedServer> {
  const user = await findServerUser(locateCluster(directory.path).data);
  await letThrough(user, directory.path);
  const binaries = await findBinaries(directory.path, user);
  const isDurable = testSettings?.fsync !== 'off';
  const cluster = await prepareCluster({ dataDirectory: directory.path, binaries, user, logger, isDurable });
  const secret = await readSecret(cluster);
  await clearOrphan({ binaries, cluster, user });

  for (let tries = 1; ; tries++) {
    const address = await chooseAddress(cluster);
    const settings = { ...SETTINGS, ...listenOn(address), ...testSettings };
    const server = await spawnServer({ binaries, cluster, user, settings });
    try {
      return await setUp({ server, address, secret, cluster, logger });
    } catch (error) {
      await server.stop();
      if (tries < 3 && PASSING_FAULTS.test(await readLog(cluster))) await delay(200);
      else throw error;
    }
  }
}

type Address = Pick<ClientConfig, 'host' | 'port'>;

/** A Unix socket is closed to other users of the machine; a port on 127.0.0.1 has only its password. */
async function chooseAddress({ socketFolder }: Cluster): Promise<Address> {
  const socket = join(socketFolder, `.s.PGSQL.${SOCKET_PORT}`);
  if (process.platform !== 'win32' && Buffer.byteLength(socket) <= SOCKET_PATH_BYTES) {
    return { host: socketFolder, port: SOCKET_PORT };
  }
  return { host: '127.0.0.1', port: await findFreePort() };
}

function listenOn({ host, port }: Address): Record<string, string> {
  if (host === '127.0.0.1') return { listen_addresses: host, port: String(port), unix_socket_directories: '' };
  return {
    listen_addresses: '',
    port: String(port),
    // A list, where a quoted name may hold commas and blanks.
    unix_socket_directories: `"${host?.replaceAll('"', '""')}"`,
    unix_socket_permissions: '0700',
  };
}

async function findFreePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => probe.once('error', reject).listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('No port was given.');
  return address.port;
}

interface StartedServer {
  server: ServerProcess;
  address: Address;
  secret: ClusterSecret;
  cluster: Cluster;
  logger: Logger;
}

async function setUp({ server, address, secret, cluster, logger }: StartedServer): Promise<EmbeddedServer> {
  // Every field, since pg fills what is missing from PGHOST, PGSSLMODE and the like.
  const superuser = {
    ...address,
    user: SUPERUSER,
    password: secret.superuserPassword,
    database: 'postgres',
    ssl: false,
  };
  const client = await connectWhenReady(superuser, server, cluster, logger);
  try {
    await makeRoleAndDatabase(client, secret);
  } finally {
    await client.end();
  }

  let isStopping = false;
  return {
    config: { ...address, user: ROLE, password: secret.password, database: DATABASE, ssl: false },
    superuser,
    lost: new Promise((resolve) => {
      server.ended.then(async () => {
        if (!isStopping) resolve(await explainEnd(cluster, logger, 'PostgreSQL has ended unexpectedly'));
      });
    }),
    stop(patienceMs) {
      isStopping = true;
      return server.stop(patienceMs);
    },
  };
}

async function connectWhenReady(config: ClientConfig, server: ServerProcess, cluster: Cluster, logger: Logger) {
  const silentSince = Date.now();
  let isTold = false;
  // Every start is refused for a moment: only the server's log tells it from a recovery, which may take minutes.
  const tellOfRecovery = async () => {
    if (isTold || !RECOVERY.test(await readLog(cluster))) return;
    isTold = true;
    logger.info('the database was not shut down in good order: it recovers what was committed');
  };
  for (;;) {
    const client = new Client(config);
    client.on('error', () => {});
    try {
      await client.connect();
      await tellOfRecovery();
      return client;
    } catch (error) {
      if (server.hasEnded()) throw await explainEnd(cluster, logger, 'PostgreSQL did not start');
      const { code } = error as { code?: string };
      const isStarting = code === '57P03';
      if (!isStarting && code !== 'ENOENT' && code !== 'ECONNREFUSED') {
        throw new SetupError(`PostgreSQL started and refuses the gateway: ${(error as Error).message}.`, {
          cause: error,
        });
      }
      if (isStarting) await tellOfRecovery();
      else if (Date.now() - silentSince > SILENCE_MS) {
        throw new SetupError(`PostgreSQL does not answer; its log is ${cluster.log}.`);
      }
    }
    await Promise.race([delay(10), server.ended]);
  }
}

async function makeRoleAndDatabase(client: Client, { password }: ClusterSecret): Promise<void> {
  const { rows } = await client.query<{ has_role: boolean; has_database: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1) AS has_role,
            EXISTS (SELECT FROM pg_database WHERE datname = $2) AS has_database`,
    [ROLE, DATABASE],
  );
  if (!rows[0]?.has_role) await client.query(`CREATE ROLE ${ROLE} LOGIN PASSWORD ${client.escapeLiteral(password)}`);
  if (!rows[0]?.has_database) await client.query(`CREATE DATABASE ${DATABASE} OWNER ${ROLE}`);
}

async function explainEnd(cluster: Cluster, logger: Logger, what: string): Promise<SetupError> {
  const lines = (await readLog(cluster)).trim().split('\n').slice(-20);
  logger.error({ log: lines }, what);
  const reason = lines.findLast((line) => /\b(FATAL|PANIC):/.test(line)) ?? lines.at(-1) ?? '';
  return new SetupError(`${what}: ${reason.replace(/^.*\b(FATAL|PANIC):\s*/, '')} (its log is ${cluster.log}).`);
}

async function readLog({ log }: Cluster): Promise<string> {
  return readFile(log, 'utf8').catch(() => '');
}
