import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, join, parse, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { isAbsolutePath, splitRoot } from '../domain/file-path.ts';
import { type Root, toLocalPath, toSharedPath } from '../worker/roots.ts';
import { readBlendVersion } from './blend-version.ts';
import { CommandFailure } from './command-failure.ts';
import { readUserName } from './user-name.ts';

/** `--set blenderVersion=file`: the version that saved the file. */
const VERSION_OF_FILE = 'file';

/** What a job type says about one of its settings, as far as a submission needs it. */
export interface SettingInfo {
  readonly key: string;
  readonly type: string;
  readonly sceneSource: string | null;
}

export interface SubmissionRequest {
  readonly type: string;
  /** The .blend file, relative to the working folder. */
  readonly file?: string;
  readonly name?: string;
  readonly frames?: string;
  /** `--set`: as typed. */
  readonly set: Readonly<Record<string, string>>;
  readonly priority?: number;
  readonly tag?: string;
  readonly maxWorkers?: number;
  readonly idempotencyKey?: string;
  /** Folders that the workers have elsewhere: what is below them is submitted by the root's name. */
  readonly root?: readonly Root[];
}

/** SubmitJobInput, as far as the command line fills it. */
export interface SubmitJobInput {
  readonly type: string;
  readonly name: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly files?: readonly {
    readonly path: string;
    readonly bytes: number;
    readonly modifiedAt: string;
    readonly sha256: string;
  }[];
  readonly priority?: number;
  readonly workerTag?: string;
  readonly maxWorkers?: number;
  readonly idempotencyKey?: string;
  readonly submitter?: string;
}

/**
 * Makes the input of submitJob of what was typed. What the values may be is the gateway's to judge: what does not look
 * like a value of the setting's type goes to it as typed, and its answer names it.
 *
 * @param settings the job type's, empty when the gateway has no such type
 * @throws CommandFailure when the file is missing or no .blend where its version is asked for, or the job type takes none
 */
export async function buildSubmission(
  request: SubmissionRequest,
  settings: readonly SettingInfo[],
): Promise<SubmitJobInput> {
  const { type, set, priority, tag, maxWorkers, idempotencyKey } = request;
  const keyOf = (source: string) => settings.find(({ sceneSource }) => sceneSource === source)?.key;
  const blendKey = keyOf('BLEND_FILE');
  if (request.file !== undefined && settings.length > 0 && blendKey === undefined) {
    throw new CommandFailure(`Jobs of the type ${type} read no .blend file: leave out ${request.file}.`);
  }
  const roots = request.root ?? [];
  const share = (path: string) => toSharedPath(path, roots);
  const file = request.file === undefined ? undefined : findFile(request.file, roots);
  const typed: [string, unknown][] = [];
  for (const [key, text] of Object.entries(set)) {
    const setting = settings.find((candidate) => candidate.key === key);
    const isOfFile = setting?.sceneSource === 'BLENDER_VERSION' && text === VERSION_OF_FILE && file !== undefined;
    typed.push([key, isOfFile ? await readVersion(file) : readSetting(text, setting?.type, share)]);
  }
  const framesKey = keyOf('FRAME_RANGE');
  const outputKey = keyOf('OUTPUT_PATH');
  return {
    type,
    name: request.name ?? (file === undefined ? type : parse(file).name),
    settings: {
      ...(file !== undefined && blendKey !== undefined && { [blendKey]: share(file) }),
      ...(file !== undefined && outputKey !== undefined && { [outputKey]: share(defaultOutputPath(file)) }),
      ...(request.frames !== undefined && { [framesKey ?? 'frames']: request.frames }),
      ...Object.fromEntries(typed),
    },
    ...(file !== undefined && { files: [{ ...(await describeFile(file)), path: share(file) }] }),
    ...(priority !== undefined && { priority }),
    ...(tag !== undefined && { workerTag: tag }),
    ...(maxWorkers !== undefined && { maxWorkers }),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    submitter: readUserName(),
  };
}

/** Beside the file: `/shots/a.blend` → `/shots/render/a/a_######`. */
export function defaultOutputPath(file: string): string {
  // A # of the file's own name would be taken for the frame number.
  const name = parse(file).name.replaceAll('#', '_');
  return join(dirname(file), 'render', name, `${name}_######`);
}

function readSetting(text: string, type: string | undefined, share: (path: string) => string): unknown {
  switch (type) {
    case 'INTEGER':
    case 'FLOAT':
      return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
    case 'BOOLEAN':
      return text === 'true' ? true : text === 'false' ? false : text;
    case 'FILE_PATH':
    case 'DIRECTORY_PATH':
      // Blender's own `//` and paths of another system are not this machine's to complete.
      if (text === '' || text.startsWith('//') || splitRoot(text) !== null) return text;
      return share(isAbsolutePath(text) ? text : resolve(text));
    default:
      return text;
  }
}

/** A relative path is of this folder; one below a root that is given here, of the root's. */
function findFile(path: string, roots: readonly Root[]): string {
  const name = splitRoot(path)?.root;
  return roots.some((root) => root.name === name) ? toLocalPath(path, roots) : resolve(path);
}

/** @throws CommandFailure */
async function readVersion(path: string): Promise<string> {
  const version = await readBlendVersion(path).catch((error: NodeJS.ErrnoException) => {
    throw cannotSubmit(path, error);
  });
  if (version !== null) return version;
  throw new CommandFailure(`${path} does not say which Blender saved it: is it a .blend file?`);
}

/** What each attempt checks the file by. */
async function describeFile(path: string) {
  try {
    const { size, mtime } = await stat(path);
    const hash = createHash('sha256');
    await pipeline(createReadStream(path), hash);
    return { path, bytes: size, modifiedAt: mtime.toISOString(), sha256: hash.digest('hex') };
  } catch (error) {
    throw cannotSubmit(path, error as NodeJS.ErrnoException);
  }
}

function cannotSubmit(path: string, { code, message }: NodeJS.ErrnoException): CommandFailure {
  const faults: Record<string, string> = {
    ENOENT: 'there is no such file',
    ENOTDIR: 'there is no such file',
    EACCES: 'permission denied',
    EISDIR: 'it is a folder',
  };
  return new CommandFailure(`${path} cannot be submitted: ${(code && faults[code]) ?? message}.`);
}
