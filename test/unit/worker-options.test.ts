import { resolve } from 'node:path';
import { Command, CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { addMachineOptions, type MachineFlags, toArguments } from '../../src/cli/worker-options.ts';

function parse(args: readonly string[]): MachineFlags {
  const quiet = { writeErr: () => {}, writeOut: () => {} };
  const command = addMachineOptions(new Command('worker')).exitOverride().configureOutput(quiet);
  return command.parse(args, { from: 'user' }).opts<MachineFlags>();
}

describe('the options about a machine', () => {
  it('are the same when another process is started with them', () => {
    const given = [
      '--blender',
      '/a',
      '--blender',
      'b',
      '--root',
      'proj=/p=q',
      '--root',
      'lib=l',
      '--cycles-device',
      'CPU',
    ];
    const flags = parse([...given, '--allow-autoexec']);
    expect(flags).toMatchObject({
      blender: ['/a', 'b'],
      root: [
        { name: 'proj', path: resolve('/p=q') },
        { name: 'lib', path: resolve('l') },
      ],
      cyclesDevice: 'CPU',
      allowAutoexec: true,
    });
    expect(parse(toArguments(flags))).toEqual(flags);
    expect(toArguments(parse([]))).toEqual([]);
  });

  it('come from the environment where the command line does not have them, several with ; between them', () => {
    process.env.TABLAO_ROOTS = 'proj=/p; lib=/l';
    process.env.TABLAO_BLENDER = '/a;/b';
    try {
      expect(parse([])).toMatchObject({ blender: ['/a', '/b'], root: [{ name: 'proj' }, { name: 'lib' }] });
      expect(parse(['--root', 'other=/o']).root).toEqual([{ name: 'other', path: resolve('/o') }]);
    } finally {
      delete process.env.TABLAO_ROOTS;
      delete process.env.TABLAO_BLENDER;
    }
  });

  it.each(['proj', 'proj=', '=/p', 'p=/p', 'my proj=/p', '1p=/p'])('refuse the root %s', (root) => {
    expect(() => parse(['--root', root])).toThrow(CommanderError);
  });

  it('refuse a root that is given twice', () => {
    expect(() => parse(['--root', 'proj=/p', '--root', 'proj=/q'])).toThrow(/"proj" is given twice/);
  });
});
