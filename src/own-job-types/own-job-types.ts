import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { InputIssue } from '../domain/input-issue.ts';
import type { CompiledTask } from '../domain/job-type.ts';
import type { JobTypeDeclaration, JobTypeFault, JobTypeRegistry } from '../domain/job-type-registry.ts';
import type { JobRequest, PreparedJob } from '../domain/prepare-job.ts';
import { SetupError } from '../domain/setup-error.ts';
import { type JobTypeFiles, readJobTypeFiles } from './job-type-files.ts';
import { DEFAULT_LIMITS, runThread, type ThreadEnd, type ThreadLimits } from './run-thread.ts';
import { findSyntaxError } from './syntax-line.ts';
import { Turnstile } from './turnstile.ts';

/** Looking is a stat for each file; it works where a folder is shared and the system tells nothing of its changes. */
const LOOK_MS = 1_000;
const THREADS_AT_ONCE = 4;
const WAITING_AT_MOST = 200;

export interface OwnJobTypesOptions {
  readonly folder: string;
  /** Names that are taken: those of the job types that are part of the program. */
  readonly taken: readonly string[];
  readonly logger: Logger;
  readonly limits?: ThreadLimits;
  readonly lookMs?: number;
}

interface Loaded {
  readonly file: string;
  readonly declaration: JobTypeDeclaration;
}

/**
 * The job types of a folder: read again when it changes, and run each time in a thread of its own, which imports the module
 * anew. So nothing of a job is left for the next one, and a job is made by one version of its type even while it is edited.
 */
export class OwnJobTypes implements JobTypeRegistry {
  readonly #folder: string;
  readonly #options: OwnJobTypesOptions;
  readonly #closing = new AbortController();
  readonly #turnstile = new Turnstile(THREADS_AT_ONCE, WAITING_AT_MOST);
  readonly #looks = new Turnstile(THREADS_AT_ONCE, Number.POSITIVE_INFINITY);
  #types: ReadonlyMap<string, Loaded> = new Map();
  #faults: readonly JobTypeFault[] = [];
  #signature = '';
  #watching: Promise<void> = Promise.resolve();

  private constructor(options: OwnJobTypesOptions) {
    this.#options = options;
    this.#folder = resolve(options.folder);
  }

  /** @throws SetupError when there is no such folder */
  static async open(options: OwnJobTypesOptions): Promise<OwnJobTypes> {
    const types = new OwnJobTypes(options);
    const folder = types.#folder;
    const found = await stat(folder).catch((error: Error) => {
      throw new SetupError(`--job-types ${folder} cannot be read: ${error.message}`);
    });
    if (!found.isDirectory()) throw new SetupError(`--job-types ${folder} is no folder.`);
    await types.#load(await readJobTypeFiles(folder));
    types.#watching = types.#watch();
    return types;
  }

  get(name: string): JobTypeDeclaration | null {
    return this.#types.get(name)?.declaration ?? null;
  }

  list(): readonly JobTypeDeclaration[] {
    return [...this.#types.values()].map(({ declaration }) => declaration);
  }

  faults(): readonly JobTypeFault[] {
    return this.#faults;
  }

  async prepare(name: string, request: JobRequest): Promise<PreparedJob | null> {
    const loaded = this.#types.get(name);
    if (loaded === undefined) return null;
    const { file, declaration } = loaded;
    const end = await this.#turnstile.pass(() => this.#run(file, request));
    if (end === undefined)
      return refuse(declaration.version, file, 'Too many jobs are being compiled; try again.', null);
    const { answer } = end;
    if ('fault' in answer) {
      const { message, line } = answer.fault;
      this.#options.logger.warn({ file, line }, `the job type ${name} failed: ${message}`);
      return refuse(declaration.version, file, message, line);
    }
    // What was imported just now may be newer than what is listed: its own version and name count.
    const { version, name: nameNow } = JSON.parse(answer.declaration) as JobTypeDeclaration;
    const { compiled } = answer;
    if (nameNow !== name) return refuse(version, file, `It is called "${nameNow}" by now.`, null);
    if (compiled === undefined) throw new Error('The thread was asked to compile a job, and did not.');
    if ('issues' in compiled) return { version, issues: compiled.issues };
    if ('faults' in compiled) return refuse(version, file, compiled.faults.join(' '), null);
    return { version, settings: compiled.settings, tasks: JSON.parse(compiled.tasks) as CompiledTask[] };
  }

  /** Ends the watching and what runs. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    const { logger, lookMs = LOOK_MS } = this.#options;
    const { signal } = this.#closing;
    let last = this.#signature;
    for (;;) {
      await wait(lookMs, undefined, { signal, ref: false }).catch(() => {});
      if (signal.aborted) return;
      try {
        const files = await readJobTypeFiles(this.#folder);
        // Only what stayed the same for two looks: a file may be half written.
        if (files.signature === last && files.signature !== this.#signature) await this.#load(files);
        last = files.signature;
      } catch (error) {
        if (last !== '')
          logger.error({ err: error }, 'the folder of job types cannot be read; what was read last holds');
        last = '';
      }
    }
  }

  async #load({ modules, all, signature }: JobTypeFiles): Promise<void> {
    const loaded = await Promise.all(modules.map((file) => this.#look(file, all)));
    if (this.#closing.signal.aborted) return;
    const types = new Map<string, Loaded>();
    const faults: JobTypeFault[] = [];
    for (const result of loaded) {
      if ('message' in result) {
        faults.push(result);
        continue;
      }
      const { file, declaration } = result;
      const { name } = declaration;
      const owner = this.#options.taken.includes(name) ? 'Tablao itself' : types.get(name)?.file;
      if (owner === undefined) types.set(name, result);
      else faults.push({ file, line: null, message: `The name "${name}" is that of a job type of ${owner}.` });
    }
    this.#types = types;
    this.#faults = faults;
    this.#signature = signature;
    this.#tell();
  }

  async #look(file: string, all: readonly string[]): Promise<Loaded | JobTypeFault> {
    const { answer } = (await this.#looks.pass(() => this.#run(file, null)))!;
    if (!('fault' in answer)) return { file, declaration: JSON.parse(answer.declaration) as JobTypeDeclaration };
    const { message, line, isSyntax } = answer.fault;
    if (!isSyntax || line !== null) return { file, line, message };
    const path = join(this.#folder, file);
    const found = await findSyntaxError([path, ...all.filter((other) => other !== path)], this.#folder);
    if (found === null) return { file, line, message };
    return found.file === file
      ? { file, line: found.line, message }
      : { file, line: null, message: `${message} (${found.file}, line ${found.line})` };
  }

  async #run(file: string, job: JobRequest | null): Promise<ThreadEnd> {
    const { logger, limits = DEFAULT_LIMITS } = this.#options;
    const end = await runThread({ file: join(this.#folder, file), job }, limits, this.#closing.signal);
    if (end.output !== '') logger.info({ file }, `a job type printed: ${end.output.trimEnd()}`);
    return end;
  }

  #tell(): void {
    const { logger } = this.#options;
    const names = [...this.#types.values()].map(({ declaration }) => `${declaration.name} ${declaration.version}`);
    logger.info({ folder: this.#folder }, `job types: ${names.join(', ') || 'none'}`);
    for (const { file, line, message } of this.#faults)
      logger.warn(`the job type ${file}${line === null ? '' : `:${line}`} is left out: ${message}`);
  }
}

function refuse(version: string, file: string, message: string, line: number | null): PreparedJob {
  const place = line === null ? file : `${file}, line ${line}`;
  const issue: InputIssue = { path: ['type'], message: `The job type (${place}) cannot make this job. ${message}` };
  return { version, issues: [issue] };
}
