import { isAbsolute, join, relative, sep } from 'node:path';
import { mapPaths, pathsOf } from '../domain/commands.ts';
import { isBelowRoot, splitRoot } from '../domain/file-path.ts';
import { AttemptFailure } from './attempt-failure.ts';
import type { Assignment } from './gateway-client.ts';

/** A folder that each machine has somewhere else; tasks name it by its name. */
export interface Root {
  readonly name: string;
  /** Absolute, of this machine. */
  readonly path: string;
}

/**
 * A path of this machine for one below a root; any other path as it is.
 * @throws AttemptFailure FILE_NOT_FOUND when this machine does not have the root
 */
export function toLocalPath(path: string, roots: readonly Root[]): string {
  const below = splitRoot(path);
  if (below === null) return path;
  const root = roots.find(({ name }) => name === below.root);
  if (root === undefined) {
    const remedy = `start it with --root ${below.root}=PATH`;
    throw new AttemptFailure(
      'FILE_NOT_FOUND',
      `"${path}" is below the root "${below.root}", which this worker does not have: ${remedy}.`,
    );
  }
  // The gateway refuses such paths too; what must not happen here is checked here.
  if (!isBelowRoot(below.rest)) throw new AttemptFailure('OTHER', `"${path}" leaves its root.`);
  return join(root.path, ...below.rest.split('/'));
}

/** The path below the innermost root that holds it, for other machines; one that none of them holds as it is. */
export function toSharedPath(path: string, roots: readonly Root[]): string {
  const longestFirst = [...roots].sort((a, b) => b.path.length - a.path.length);
  for (const { name, path: folder } of longestFirst) {
    const rest = relative(folder, path);
    const isInside = rest !== '' && rest !== '..' && !rest.startsWith(`..${sep}`) && !isAbsolute(rest);
    if (isInside) return `${name}:${rest.split(sep).join('/')}`;
  }
  return path;
}

/** An assignment in the paths of this machine. */
export interface LocalAssignment {
  readonly assignment: Assignment;
  /** A path that the attempt made, as others can read it: by the roots that the task itself speaks of. */
  share(path: string): string;
}

/** @throws AttemptFailure FILE_NOT_FOUND when this machine lacks a root */
export function localize(assignment: Assignment, roots: readonly Root[]): LocalAssignment {
  const { commands, task } = assignment;
  const toLocal = (path: string) => toLocalPath(path, roots);
  const spokenOf = new Set(commands.flatMap(pathsOf).map((path) => splitRoot(path)?.root));
  const used = roots.filter(({ name }) => spokenOf.has(name));
  const files = task.job.files.map((file) => ({ ...file, path: toLocal(file.path) }));
  return {
    assignment: {
      ...assignment,
      commands: commands.map((command) => mapPaths(command, toLocal)),
      task: { ...task, job: { ...task.job, files } },
    },
    share: (path) => toSharedPath(path, used),
  };
}
