import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Logger } from 'pino';
import { z } from 'zod';
import { SetupError } from '../domain/setup-error.ts';
import { CYCLES_DEVICE_NAMES, type CyclesDevice, type WorkerDevice } from '../domain/worker-device.ts';
import { type FoundBlender, findBlender } from './find-blender.ts';
import { cleanEnvironment } from './program-environment.ts';

const DEVICES_SCRIPT = join(import.meta.dirname, 'blender', 'cycles_devices.py');
const DEVICES = /^@tablao-devices (.*)$/m;
/** Drivers can take long when they are asked for the first time after a start of the machine. */
const DEVICES_MS = 120_000;

const Devices = z.array(z.object({ type: z.enum(CYCLES_DEVICE_NAMES), name: z.string() }));

/** A Blender that runs on this machine. */
export type InstalledBlender = FoundBlender & { readonly program: string };

/** @param wanted paths or names in PATH; without any, the one that is found */
export async function findBlenders(wanted: readonly string[]): Promise<readonly FoundBlender[]> {
  return await Promise.all(wanted.length === 0 ? [findBlender()] : wanted.map((one) => findBlender(one)));
}

export function installedOf(blenders: readonly FoundBlender[]): readonly InstalledBlender[] {
  return blenders.filter((found): found is InstalledBlender => found.program !== undefined);
}

/**
 * The Blender for a version: `5.2` is any 5.2, the newest one; without a version the first one of the worker.
 * @returns undefined when there is none
 */
export function chooseBlender(
  blenders: readonly FoundBlender[],
  version: string | undefined,
): InstalledBlender | undefined {
  const installed = installedOf(blenders);
  if (version === undefined) return installed[0];
  return installed
    .filter((found) => found.version === version || found.version.startsWith(`${version}.`))
    .sort((a, b) => b.version.localeCompare(a.version, 'en', { numeric: true }))[0];
}

/**
 * What Cycles can render on, as the Blenders see it.
 * @param wanted what the worker's owner wants it to render on
 * @throws SetupError when one of them finds no device of that kind: each of its renders would fail
 */
export async function findDevices(
  blenders: readonly InstalledBlender[],
  wanted: CyclesDevice | undefined,
  logger: Logger,
): Promise<readonly WorkerDevice[]> {
  const found = await Promise.all(blenders.map((blender) => listDevices(blender, logger)));
  const devices = [...new Map(found.flat().map((device) => [JSON.stringify(device), device])).values()];
  const lacking = blenders.find((_, index) => !found[index]!.some(({ type }) => type === wanted));
  if (wanted === undefined || lacking === undefined) return devices;
  const there = devices.map(({ type, name }) => `${type} (${name})`).join(', ') || 'nothing';
  throw new SetupError(
    `--cycles-device ${wanted}: Blender ${lacking.version} (${lacking.program}) finds no such device on this machine; it finds ${there}.`,
  );
}

async function listDevices({ program, version }: InstalledBlender, logger: Logger): Promise<WorkerDevice[]> {
  const args = ['--background', '--factory-startup', '--python', DEVICES_SCRIPT];
  try {
    const options = { timeout: DEVICES_MS, env: cleanEnvironment(), windowsHide: true };
    const { stdout } = await promisify(execFile)(program, args, options);
    return Devices.parse(JSON.parse(DEVICES.exec(stdout)?.[1] ?? 'null'));
  } catch (error) {
    logger.warn({ err: error, program }, `Blender ${version} does not say which devices it can render on`);
    return [];
  }
}
