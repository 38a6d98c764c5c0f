import type { Command } from './command.ts';
import { pathsOf } from './commands.ts';
import { splitRoot } from './file-path.ts';
import type { CompiledTask } from './job-type.ts';

/*
 * What tasks need of a worker beside their type and the job's tag, and what workers offer: words of a kind and a name, as
 * `blender:5.2`. A worker is capable when it offers all that is needed; nothing else knows what the words mean.
 */

const KINDS = {
  blender: (version) => `Blender ${version}`,
  root: (name) => `the root "${name}"`,
  program: (name) => `the program "${name}"`,
  engine: (name) => `the render engine ${name}`,
  denoiser: (name) => `the denoiser ${name}`,
} as const satisfies Record<string, (name: string) => string>;
type NeedKind = keyof typeof KINDS;

/** What a job needs, by task type: all tasks of one type need the same. A type that needs nothing may be missing. */
export type Needs = Readonly<Record<string, readonly string[]>>;

export function needsOfType(needs: Needs, taskType: string): readonly string[] {
  return needs[taskType] ?? [];
}

/**
 * What the tasks of a job need of their workers.
 *
 * @param files paths of the files that every attempt of the job checks.
 */
export function needsOf(tasks: readonly Pick<CompiledTask, 'type' | 'commands'>[], files: readonly string[]): Needs {
  const ofAll = rootsOf(files);
  const needs = new Map<string, Set<string>>();
  for (const { type, commands } of tasks) {
    const ofType = needs.get(type) ?? new Set(ofAll);
    needs.set(type, ofType);
    for (const command of commands) for (const need of needsOfCommand(command)) ofType.add(need);
  }
  return Object.fromEntries([...needs].map(([type, words]) => [type, [...words].sort()]));
}

/**
 * What a worker offers: its own words, and each of its Blenders by the version and by the line that it belongs to, so that
 * 5.2.2 is a `blender:5.2` too. Sorted: equal workers are one kind.
 */
export function offersOf(worker: {
  readonly blenderVersions: readonly string[];
  readonly offers: readonly string[];
}): string[] {
  const blenders = worker.blenderVersions.flatMap((version) => {
    const parts = version.split('.');
    return parts.slice(1).map((_, index) => toNeed('blender', parts.slice(0, index + 2).join('.')));
  });
  return [...new Set([...blenders, ...worker.offers])].sort();
}

export function toNeed(kind: NeedKind, name: string): string {
  return `${kind}:${name}`;
}

/** A need in words: `Blender 5.2`. */
export function describeNeed(need: string): string {
  const [kind = '', name = ''] = need.split(':', 2);
  return kind in KINDS ? KINDS[kind as NeedKind](name) : need;
}

function needsOfCommand(command: Command): string[] {
  const { blenderVersion, program } = command.parameters;
  return [
    ...(command.name === 'blender-render' && typeof blenderVersion === 'string'
      ? [toNeed('blender', blenderVersion)]
      : []),
    ...(command.name === 'exec' && typeof program === 'string' ? [toNeed('program', program)] : []),
    ...rootsOf(pathsOf(command)),
  ];
}

function rootsOf(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    const root = splitRoot(path)?.root;
    return root === undefined ? [] : [toNeed('root', root)];
  });
}
