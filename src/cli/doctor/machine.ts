import { statSync } from 'node:fs';
import { pino } from 'pino';
import { SetupError } from '../../domain/setup-error.ts';
import { findAllowedPrograms } from '../../worker/allowed-programs.ts';
import { findBlenders, type InstalledBlender, inspectBlenders, installedOf } from '../../worker/blenders.ts';
import { describeMachine, planInstallation } from '../demo/blender-package.ts';
import type { MachineFlags } from '../worker-options.ts';
import type { Finding } from './finding.ts';

/** Whether a worker with these options could work here. */
export async function examineMachine(flags: MachineFlags): Promise<Finding[]> {
  return [...(await examineBlenders(flags)), ...examineRoots(flags), ...examinePrograms(flags)];
}

async function examineBlenders({ blender = [], cyclesDevice }: MachineFlags): Promise<Finding[]> {
  const found = await findBlenders(blender);
  const { command } = planInstallation(await describeMachine());
  const remedy =
    blender.length > 0 ? 'Name another with --blender.' : `Install it with "${command}", or name one with --blender.`;
  const blenders = found.map(
    (one): Finding =>
      one.program === undefined
        ? { subject: 'Blender', state: 'fault', message: one.missing, remedy }
        : { subject: 'Blender', state: 'good', message: `${one.version} (${one.program})` },
  );
  const installed = installedOf(found);
  return installed.length === 0 ? blenders : [...blenders, await examineDevices(installed, cyclesDevice)];
}

async function examineDevices(
  blenders: readonly InstalledBlender[],
  wanted: MachineFlags['cyclesDevice'],
): Promise<Finding> {
  const subject = 'Cycles';
  try {
    const { devices } = await inspectBlenders(blenders, wanted, pino({ level: 'silent' }));
    if (devices.length > 0) {
      const names = devices.map(({ type, name }) => `${type} (${name})`).join(', ');
      return { subject, state: 'good', message: `can render on ${names}` };
    }
    return { subject, state: 'note', message: 'Blender does not say what it can render on' };
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    return { subject, state: 'fault', message: error.message, remedy: 'Name another with --cycles-device.' };
  }
}

function examineRoots({ root = [] }: MachineFlags): Finding[] {
  return root.map(({ name, path }) => {
    const subject = 'Root';
    const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
    if (isFolder) return { subject, state: 'good', message: `${name} is ${path}` };
    const message = `${name}: there is no folder ${path}`;
    return { subject, state: 'fault', message, remedy: 'Mount it, or name another with --root.' };
  });
}

function examinePrograms({ allowProgram = [] }: MachineFlags): Finding[] {
  const subject = 'Program';
  try {
    const programs = findAllowedPrograms(allowProgram);
    return programs.map(({ name, path }) => ({ subject, state: 'good', message: `${name} (${path})` }));
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    return [{ subject, state: 'fault', message: error.message }];
  }
}
