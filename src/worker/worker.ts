import { rmSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { toNeed } from '../domain/needs.ts';
import { SetupError } from '../domain/setup-error.ts';
import type { CyclesDevice } from '../domain/worker-device.ts';
import { type AllowedProgram, findAllowedPrograms } from './allowed-programs.ts';
import { removeLeftFolders } from './attempt-folder.ts';
import { Attempts } from './attempts.ts';
import { BlenderPool } from './blender-pool.ts';
import { findBlenders, inspectBlenders, installedOf } from './blenders.ts';
import { executeAttempt } from './execute-attempt.ts';
import { type GatewayClient, PROTOCOL_VERSION, type SignOnInput } from './gateway-client.ts';
import { JobFiles } from './job-files.ts';
import { Journal } from './journal.ts';
import { killLeftPrograms } from './left-programs.ts';
import { takeLock } from './lock-file.ts';
import { type Clock, systemClock } from './moment.ts';
import { MoveGate } from './move-gate.ts';
import { Outbox } from './outbox.ts';
import { Pictures } from './pictures.ts';
import { ensureRegistered, type Registration } from './registration.ts';
import type { Root } from './roots.ts';
import { Session } from './session.ts';
import { openStateDirectory, type StateDirectory } from './state-directory.ts';
import { SyncLoop } from './sync-loop.ts';
import { chooseTaskTypes } from './task-types.ts';
import { WebSocketGateway } from './websocket-gateway.ts';
import { noteEnd, type WorkerEnd } from './worker-end.ts';

export interface WorkerOptions {
  /** Base address, as `http://127.0.0.1:4000`. */
  readonly gateway: string;
  readonly name: string;
  /** Of the program, told to the gateway. */
  readonly version: string;
  /** Without it: all that this machine can execute. */
  readonly taskTypes?: readonly string[];
  readonly tags: readonly string[];
  /** Paths, or names in PATH, the preferred one first; without any Blender is looked for. */
  readonly blenders?: readonly string[];
  /** What Cycles renders on; without it what the user's preferences of Blender say. */
  readonly cyclesDevice?: CyclesDevice;
  readonly roots?: readonly Root[];
  /** Programs that tasks may run: `[NAME=]PATH`, or a name in PATH. */
  readonly allowPrograms?: readonly string[];
  readonly stateDir: string;
  /** What lets a worker register, where the gateway asks for it. */
  readonly registrationToken?: string;
  readonly allowAutoexec?: boolean;
  /** How many tasks at once. Blender uses the whole machine, so more than one is for tests and light tasks. */
  readonly slots?: number;
}

export interface WorkerDeps {
  readonly logger: Logger;
  /** Ends the worker in good order: programs are ended, tasks handed back, the session signed off. */
  readonly signal: AbortSignal;
  readonly connect?: (registration: Registration) => GatewayClient;
  readonly clock?: Clock;
}

/** Whoever asks the worker to end (or stops the machine) does not wait for a gateway that is away. */
const CLOSING_MS = 3000;
const SIGN_OFF_MS = 2000;
const LAST_PICTURES_MS = 1000;

/**
 * Registers once, signs on, and executes tasks until it is asked to end.
 *
 * @returns RESTART when the gateway asked for a restart, else OFFLINE; it has signed off, if the gateway was there
 * @throws SetupError: state directory in use or not writable, a root, device or program that is not there, gateway refuses, session taken over, worker deleted
 */
export async function runWorker(options: WorkerOptions, deps: WorkerDeps): Promise<WorkerEnd> {
  const { logger, signal } = deps;
  const state = await openStateDirectory(options.stateDir);
  const lock = await takeLock(state.lock, `the state directory "${state.path}"`);
  try {
    await cleanUp(state, logger);
    const { roots = [], cyclesDevice } = options;
    checkRoots(roots);
    const programs = findAllowedPrograms(options.allowPrograms ?? []);
    const blenders = await findBlenders(options.blenders ?? []);
    const taskTypes = chooseTaskTypes(options.taskTypes, blenders, logger);
    const installed = installedOf(blenders);
    const abilities = await inspectBlenders(installed, cyclesDevice, logger);
    const registration = await ensureRegistered(options, state, logger, signal);
    const connect = deps.connect ?? (({ gateway, token }: Registration) => new WebSocketGateway(gateway, token));
    const client = connect(registration);
    const pool = new BlenderPool({
      blenders,
      cyclesDevice,
      allowAutoexec: options.allowAutoexec ?? false,
      cwd: state.path,
      recordFolder: state.programs,
    });
    try {
      const offer = {
        taskTypes,
        blenderVersions: [...new Set(installed.map((blender) => blender.version))],
        devices: abilities.devices,
        offers: [
          ...abilities.offers,
          ...roots.map(({ name }) => toNeed('root', name)),
          ...programs.map(({ name }) => toNeed('program', name)),
        ],
      };
      const clock = deps.clock ?? systemClock;
      const parts = { state, client, pool, programs, logger, signal, clock };
      return await noteEnd(state.end, await work(options, offer, parts));
    } finally {
      await pool.close();
      await client.close();
    }
  } catch (error) {
    if (signal.aborted && error === signal.reason) return await noteEnd(state.end, 'OFFLINE');
    throw error;
  } finally {
    lock.release();
  }
}

/** What an earlier process with this state directory was killed over. */
async function cleanUp(state: StateDirectory, logger: Logger): Promise<void> {
  await killLeftPrograms(state.programs, logger);
  await removeLeftFolders(state.attempts, logger);
  rmSync(state.logs, { recursive: true, force: true });
  await openStateDirectory(state.path);
}

interface Parts {
  readonly state: StateDirectory;
  readonly client: GatewayClient;
  readonly pool: BlenderPool;
  readonly programs: readonly AllowedProgram[];
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

type Offer = Pick<SignOnInput, 'taskTypes' | 'blenderVersions' | 'devices' | 'offers'>;

/** Nothing below a folder that is not there could be rendered. */
function checkRoots(roots: readonly Root[]): void {
  const missing = roots.find(({ path }) => !statSync(path, { throwIfNoEntry: false })?.isDirectory());
  if (missing) throw new SetupError(`--root ${missing.name}=${missing.path}: there is no such folder.`);
}

async function work(options: WorkerOptions, offer: Offer, parts: Parts): Promise<WorkerEnd> {
  const { state, client, pool, programs, logger, signal, clock } = parts;
  const { version, tags, roots = [], slots = 1 } = options;
  const lifetime = new AbortController();
  const journal = new Journal(state.journal);
  const outbox = new Outbox(journal, clock);
  const gate = new MoveGate(clock, 0);
  const session = new Session(
    { client, logger, signal: lifetime.signal },
    { version, protocol: PROTOCOL_VERSION, ...offer, tags, slots },
    (signedOn) => loop.beginSession(signedOn),
  );
  const uploader = { client, session, logger };
  const pictures = new Pictures({ client, session, logger, signal: lifetime.signal });
  const jobFiles = new JobFiles();
  const execution = {
    state,
    blender: pool,
    roots,
    programs,
    jobFiles,
    gate,
    outbox,
    uploader,
    pictures,
    logger,
    lifetime: lifetime.signal,
  };
  const attempts = new Attempts({
    execute: (assignment, stopped) => executeAttempt(assignment, stopped, execution),
    logger,
    onChange: () => loop.notice(),
  });
  const loop = new SyncLoop({ client, session, outbox, attempts, gate, clock, logger, slots });

  const closing = () => {
    loop.close();
    attempts.handBackAll();
    const hasNothingToSay = attempts.running.length === 0 && outbox.undelivered === 0;
    if (hasNothingToSay && session.sessionId === undefined) lifetime.abort(signal.reason);
    setTimeout(() => lifetime.abort(signal.reason), CLOSING_MS).unref();
  };
  signal.addEventListener('abort', closing, { once: true });
  if (signal.aborted) closing();
  try {
    return await loop.run(lifetime.signal);
  } finally {
    signal.removeEventListener('abort', closing);
    await attempts.dropAll();
    await Promise.race([pictures.done(), sleep(LAST_PICTURES_MS, undefined, { ref: false })]);
    await signOff(client, session.sessionId, logger);
    lifetime.abort();
    journal.close();
  }
}

async function signOff(client: GatewayClient, sessionId: string | undefined, logger: Logger): Promise<void> {
  if (sessionId === undefined) return;
  try {
    await Promise.race([client.signOff(sessionId), sleep(SIGN_OFF_MS, undefined, { ref: false })]);
    logger.info('signed off');
  } catch (error) {
    logger.warn(`the gateway could not be told that this worker leaves: ${(error as Error).message}`);
  }
}
