import { findClosestName } from './closest-name.ts';
import type { Command } from './command.ts';
import { findPathFault } from './file-path.ts';
import { FrameRangeError, parseFrameRange } from './frame-range.ts';
import { FRAME_FORMATS, type FrameFormat } from './output-path.ts';

/** The kinds of parameters: why a value is none of the kind, as a predicate, or null. */
const KINDS = {
  text: (value) => (typeof value === 'string' ? null : 'must be text'),
  number: (value) => (Number.isFinite(value) ? null : 'must be a number'),
  boolean: (value) => (typeof value === 'boolean' ? null : 'must be true or false'),
  path: (value) => (typeof value === 'string' ? findPathFault(value) : 'must be a path, as text'),
  frames: findFramesFault,
  format: (value) =>
    FRAME_FORMATS.includes(value as FrameFormat) ? null : `must be one of ${FRAME_FORMATS.join(', ')}`,
  arguments: findArgumentsFault,
} as const satisfies Record<string, (value: unknown) => string | null>;
type ParameterKind = keyof typeof KINDS;

/** What workers can execute: the parameters of each command; those with a ? may be left out. */
// biome-ignore format: one command per row, one group of parameters per line
export const COMMANDS = {
  'blender-render':  { blendFile: 'path', frames: 'frames', output: 'path', format: 'format', fps: 'number?', scene: 'text?', camera: 'text?',
                       viewLayer: 'text?', resolutionPercent: 'number?', samples: 'number?', blenderVersion: 'text?', skipExisting: 'boolean?',
                       freshBlender: 'boolean?' },
  'frames-to-video': { frames: 'frames', input: 'path', format: 'format', output: 'path', fps: 'number' },
  'make-directory':  { path: 'path' },
  'move-directory':  { from: 'path', to: 'path' },
  'copy-file':       { from: 'path', to: 'path', overwrite: 'boolean?' },
  'exec':            { program: 'text', arguments: 'arguments' },
  'echo':            { message: 'text' },
  'sleep':           { seconds: 'number' },
} as const satisfies Record<string, Record<string, ParameterKind | `${ParameterKind}?`>>;
export type CommandName = keyof typeof COMMANDS;

export const COMMAND_NAMES = Object.keys(COMMANDS) as readonly CommandName[];

/** What of a command no worker would understand: a predicate that follows "The command", or null. */
export function findCommandFault({ name, parameters }: Command): string | null {
  if (!isCommandName(name))
    return `"${name}" is unknown${suggest(name, COMMAND_NAMES)}; there are ${COMMAND_NAMES.join(', ')}`;
  const declared: Readonly<Record<string, string>> = COMMANDS[name];
  const keys = Object.keys(declared);
  const unknown = Object.keys(parameters).find((key) => !keys.includes(key));
  if (unknown !== undefined)
    return `${name} has no parameter "${unknown}"${suggest(unknown, keys)}; it has ${keys.join(', ')}`;
  for (const [key, word] of Object.entries(declared)) {
    const value = parameters[key];
    const isOptional = word.endsWith('?');
    if (value === undefined || value === null) {
      if (isOptional) continue;
      return `${name} needs the parameter "${key}"`;
    }
    const fault = KINDS[word.replace('?', '') as ParameterKind](value);
    if (fault !== null)
      return `${name} has a wrong parameter: ${key} ${fault} (${JSON.stringify(value)?.slice(0, 100)})`;
  }
  return null;
}

/** The command with each of its paths changed; of `exec`, the arguments that are marked as paths. */
export function mapPaths({ name, parameters }: Command, change: (path: string) => string): Command {
  const declared: Readonly<Record<string, string>> = isCommandName(name) ? COMMANDS[name] : {};
  const changed = Object.entries(parameters).map(([key, value]) => {
    if (declared[key] === 'path' && typeof value === 'string') return [key, change(value)];
    if (declared[key] === 'arguments' && Array.isArray(value))
      return [key, value.map((argument) => mapArgument(argument, change))];
    return [key, value];
  });
  return { name, parameters: Object.fromEntries(changed) };
}

/** The paths that a command names. */
export function pathsOf(command: Command): string[] {
  const found: string[] = [];
  mapPaths(command, (path) => {
    found.push(path);
    return path;
  });
  return found;
}

function isCommandName(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name);
}

/** `{ path }` names a file, `{ output }` one that the program makes; a text is passed on as it is. */
function mapArgument(argument: unknown, change: (path: string) => string): unknown {
  if (typeof argument !== 'object' || argument === null) return argument;
  const marks = Object.entries(argument).map(([mark, value]) => [
    mark,
    isMark(mark) && typeof value === 'string' ? change(value) : value,
  ]);
  return Object.fromEntries(marks);
}

function findArgumentsFault(value: unknown): string | null {
  const wanted = 'must be a list of texts, { path: "…" } and { output: "…" }';
  if (!Array.isArray(value)) return wanted;
  for (const argument of value) {
    if (typeof argument === 'string') continue;
    const [[mark, path] = [], ...more] = Object.entries(argument ?? {});
    if (mark === undefined || !isMark(mark) || more.length > 0 || typeof path !== 'string') return wanted;
    const fault = findPathFault(path);
    if (fault !== null) return `has the path "${path}", which ${fault}`;
  }
  return null;
}

function isMark(mark: string): boolean {
  return mark === 'path' || mark === 'output';
}

function findFramesFault(value: unknown): string | null {
  if (typeof value !== 'string') return 'must be frames, as text ("1-10")';
  try {
    parseFrameRange(value);
    return null;
  } catch (error) {
    if (error instanceof FrameRangeError) return `cannot be read: ${error.message.replace(/\.$/, '')}`;
    throw error;
  }
}

function suggest(given: string, names: readonly string[]): string {
  const closest = findClosestName(given, names);
  return closest === null ? '' : `; did you mean ${closest}?`;
}
