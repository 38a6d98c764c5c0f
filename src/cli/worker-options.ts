import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { isRootName, ROOT_NAME_ALLOWED } from '../domain/file-path.ts';
import { CYCLES_DEVICE_NAMES, type CyclesDevice } from '../domain/worker-device.ts';
import type { Root } from '../worker/roots.ts';

/** What a machine gives to tasks: the same for `worker` and for the worker of `serve`. */
export interface MachineFlags {
  readonly blender?: readonly string[];
  readonly root?: readonly Root[];
  readonly cyclesDevice?: CyclesDevice;
  readonly allowProgram?: readonly string[];
  readonly allowAutoexec?: boolean;
}

/** Between several values of one environment variable: neither in paths nor, as `:` is, in the names of drives. */
const BETWEEN = ';';

export function addMachineOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--blender <path>', 'a Blender to use, as often as there are (default: the one found)')
        .env('TABLAO_BLENDER')
        .argParser((text, earlier: readonly string[] = []) => [...earlier, ...splitList(text)]),
    )
    .addOption(rootOption('a folder that tasks name, as proj:shots/a.blend, because other machines have it elsewhere'))
    .addOption(
      new Option('--cycles-device <device>', 'what Cycles renders on (default: what the preferences of Blender say)')
        .env('TABLAO_CYCLES_DEVICE')
        .choices(CYCLES_DEVICE_NAMES),
    )
    .addOption(
      new Option(
        '--allow-program <path>',
        'a program that tasks may run, [NAME=]PATH or a name in PATH; as often as needed',
      )
        .env('TABLAO_ALLOW_PROGRAMS')
        .argParser((text, earlier: readonly string[] = []) => [...earlier, ...splitList(text)]),
    )
    .option('--allow-autoexec', 'let Python scripts inside .blend files run', false);
}

/** `--root NAME=PATH`, as often as needed; relative paths are of this folder. */
export function rootOption(description: string): Option {
  return new Option('--root <name=path>', `${description}; as often as needed`)
    .env('TABLAO_ROOTS')
    .argParser((text, earlier: readonly Root[] = []) => splitList(text).reduce(addRoot, earlier));
}

/** The flags as arguments of another process. */
export function toArguments({
  blender = [],
  root = [],
  cyclesDevice,
  allowProgram = [],
  allowAutoexec,
}: MachineFlags): string[] {
  return [
    ...blender.flatMap((path) => ['--blender', path]),
    ...root.flatMap(({ name, path }) => ['--root', `${name}=${path}`]),
    ...(cyclesDevice === undefined ? [] : ['--cycles-device', cyclesDevice]),
    ...allowProgram.flatMap((program) => ['--allow-program', program]),
    ...(allowAutoexec ? ['--allow-autoexec'] : []),
  ];
}

export function splitList(text: string): string[] {
  return text
    .split(BETWEEN)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function addRoot(roots: readonly Root[], text: string): readonly Root[] {
  const [name = '', ...rest] = text.split('=');
  const path = rest.join('=');
  if (path === '') throw new InvalidArgumentError('Write it as NAME=PATH.');
  if (!isRootName(name)) throw new InvalidArgumentError(`A root's name has ${ROOT_NAME_ALLOWED}.`);
  if (roots.some((root) => root.name === name)) throw new InvalidArgumentError(`The root "${name}" is given twice.`);
  return [...roots, { name, path: resolve(path) }];
}
