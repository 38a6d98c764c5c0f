import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { pino } from 'pino';
import type { JobTypeFault } from '../domain/job-type-registry.ts';
import { VERSION } from '../server/version.ts';
import { DEFAULT_PICTURES_PER_JOB } from '../store/put-picture.ts';
import { defaultDataDirectory } from './default-data-directory.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { type Farm, type FarmOptions, startFarm } from './farm.ts';
import type { GlobalFlags } from './global-options.ts';
import { createLogger } from './logger.ts';
import { wholeNumber } from './numbers.ts';
import { listenForStop } from './stop-signal.ts';
import { toPlainText } from './text.ts';
import { chooseWebhooks, collectAddresses } from './webhooks.ts';
import { addMachineOptions, type MachineFlags, toArguments } from './worker-options.ts';

interface Flags extends GlobalFlags, MachineFlags {
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  readonly databaseUrl?: string;
  readonly jobTypes?: string;
  readonly worker: boolean;
  readonly allowAnonymous: boolean;
  readonly leaseSeconds: number;
  readonly retryDelaySeconds: number;
  readonly picturesPerJob: number;
  readonly webhook?: readonly string[];
  readonly webhookSecretFile?: string;
  readonly logLevel: string;
}

export const LOG_LEVELS = [...Object.keys(pino.levels.values), 'silent'];

/** `tablao serve`: the gateway, until SIGTERM or SIGINT. */
export function serveCommand(): Command {
  const option = (flags: string, description: string) => new Option(flags, description);
  const command = new Command('serve')
    .description('Run the gateway with a database and a worker of its own, until SIGTERM or Ctrl-C.')
    .addOption(option('--host <address>', 'address to listen on').env('TABLAO_HOST').default('127.0.0.1'))
    .addOption(
      option('--port <number>', 'port to listen on; 0 for any free one')
        .env('TABLAO_PORT')
        .default(4000)
        .argParser(wholeNumber(0, 65_535)),
    )
    .addOption(
      option('--data-dir <folder>', 'where the gateway keeps its data')
        .env('TABLAO_DATA_DIR')
        .default(defaultDataDirectory()),
    )
    .addOption(
      option('--database-url <url>', 'PostgreSQL 15 or newer to use instead of one of its own').env('DATABASE_URL'),
    )
    .addOption(option('--job-types <folder>', 'a folder with job types of your own').env('TABLAO_JOB_TYPES'))
    .option('--no-worker', 'start no worker on this machine')
    .option('--allow-anonymous', 'let everyone in who reaches --host, without a token', false)
    .addOption(
      option('--lease-seconds <number>', 'how long a worker may be silent before its tasks go to others')
        .default(60)
        .argParser(wholeNumber(3, 3_600)),
    )
    .addOption(
      option('--retry-delay-seconds <number>', 'pause before a failed task is tried again by the same worker')
        .default(30)
        .argParser(wholeNumber(0, 3_600)),
    )
    .addOption(
      option('--webhook <url>', 'tell this address when a job has ended, as often as needed')
        .env('TABLAO_WEBHOOKS')
        .argParser(collectAddresses),
    )
    .addOption(
      option('--webhook-secret-file <file>', 'file with the secret that notices are signed with').env(
        'TABLAO_WEBHOOK_SECRET_FILE',
      ),
    )
    .addOption(
      option('--pictures-per-job <number>', "how many pictures of a job's frames to keep, the newest")
        .env('TABLAO_PICTURES_PER_JOB')
        .default(DEFAULT_PICTURES_PER_JOB)
        .argParser(wholeNumber(0, 1_000_000)),
    )
    .addOption(
      option('--log-level <level>', 'how much to log').env('TABLAO_LOG_LEVEL').default('info').choices(LOG_LEVELS),
    )
    .addHelpText(
      'after',
      '\n--blender, --root, --cycles-device, --allow-program and --allow-autoexec are those of its worker.',
    )
    .action(serve);
  return addMachineOptions(command);
}

async function serve(flags: Flags): Promise<void> {
  const stop = listenForStop();
  const logger = createLogger(flags.logLevel, flags.json);
  const options: FarmOptions = {
    host: flags.host,
    port: flags.port,
    dataDirectory: resolve(flags.dataDir),
    databaseUrl: flags.databaseUrl || undefined,
    jobTypes: flags.jobTypes || undefined,
    hasWorker: flags.worker,
    workerArguments: toArguments(flags),
    allowAnonymous: flags.allowAnonymous,
    leaseSeconds: flags.leaseSeconds,
    retryDelaySeconds: flags.retryDelaySeconds,
    picturesPerJob: flags.picturesPerJob,
    webhooks: chooseWebhooks(flags.webhook ?? [], flags.webhookSecretFile),
    logLevel: flags.logLevel,
  };
  let farm: Farm;
  try {
    farm = await startFarm(options, { logger, signal: stop.signal });
  } catch (error) {
    if (stop.signal.aborted && error === stop.signal.reason) return;
    throw error;
  }
  process.stdout.write(flags.json ? `${JSON.stringify(toJson(farm))}\n` : describe(farm));

  const stopped = new Promise<undefined>((resolve) => {
    if (stop.signal.aborted) resolve(undefined);
    stop.signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  const fault = await Promise.race([stopped, farm.lost]);
  if (fault) logger.fatal(fault.message);
  else logger.info({ signal: stop.name }, 'ending');
  await farm.close();
  if (fault) throw fault;
  process.exitCode = EXIT_CODES.done;
}

function describe({ url, dataDirectory, jobTypes, worker }: Farm): string {
  return [
    `Tablao ${VERSION} listens on ${url}`,
    `  GraphiQL  ${url}/graphql`,
    `  data      ${dataDirectory}`,
    `  job types ${jobTypes
      .list()
      .map(({ name }) => name)
      .join(', ')}`,
    ...jobTypes.faults().map((fault) => `  left out  ${describeFault(fault)}`),
    `  worker    ${describeWorker(worker)}`,
    '',
  ].join('\n');
}

function describeFault({ file, line, message }: JobTypeFault): string {
  return toPlainText(`${file}${line === null ? '' : `:${line}`}: ${message}`);
}

function describeWorker(worker: Farm['worker']): string {
  if (worker === undefined) return 'none on this machine';
  const how = worker.isAdopted ? 'still running, adopted' : 'started';
  return `${how} (pid ${worker.pid}); its log is ${worker.logFile}`;
}

function toJson({ url, dataDirectory, jobTypes, worker }: Farm): object {
  return {
    version: VERSION,
    url,
    dataDirectory,
    jobTypes: jobTypes.list().map(({ name }) => name),
    jobTypeFaults: jobTypes.faults(),
    worker: worker ? { pid: worker.pid, isAdopted: worker.isAdopted, logFile: worker.logFile } : null,
  };
}
