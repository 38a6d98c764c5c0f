import type { Command } from './command.ts';

/** Which parameters of the commands are paths, and may begin with a root's name (`proj:shots/010.blend`). */
export const PATH_PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  'blender-render': ['blendFile', 'output'],
  'frames-to-video': ['input', 'output'],
};

/** The command with each of its paths changed. */
export function mapPaths(command: Command, change: (path: string) => string): Command {
  const paths = PATH_PARAMETERS[command.name] ?? [];
  const parameters = Object.entries(command.parameters).map(([key, value]) => [
    key,
    paths.includes(key) && typeof value === 'string' ? change(value) : value,
  ]);
  return { name: command.name, parameters: Object.fromEntries(parameters) };
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
