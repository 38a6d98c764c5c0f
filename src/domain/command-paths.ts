import type { Command } from './command.ts';

/** Which parameters of the commands are paths, and may begin with a root's name (`proj:shots/010.blend`). */
export const PATH_PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  'blender-render': ['blendFile', 'output'],
  'frames-to-video': ['input', 'output'],
  'make-directory': ['path'],
  'move-directory': ['from', 'to'],
  'copy-file': ['from', 'to'],
};

/** The command with each of its paths changed; of `exec`, the arguments that are marked as paths. */
export function mapPaths({ name, parameters }: Command, change: (path: string) => string): Command {
  const paths = PATH_PARAMETERS[name] ?? [];
  const changed = Object.entries(parameters).map(([key, value]) => {
    if (paths.includes(key) && typeof value === 'string') return [key, change(value)];
    if (name === 'exec' && key === 'arguments' && Array.isArray(value))
      return [key, value.map((argument) => mapArgument(argument, change))];
    return [key, value];
  });
  return { name, parameters: Object.fromEntries(changed) };
}

/** `{ path }` names a file, `{ output }` one that the program makes; a text is passed on as it is. */
function mapArgument(argument: unknown, change: (path: string) => string): unknown {
  if (typeof argument !== 'object' || argument === null) return argument;
  const marks = Object.entries(argument).map(([mark, value]) => [
    mark,
    (mark === 'path' || mark === 'output') && typeof value === 'string' ? change(value) : value,
  ]);
  return Object.fromEntries(marks);
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
