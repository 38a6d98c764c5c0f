import { join } from 'node:path';
import type { Logger } from 'pino';
import { z } from 'zod';
import { toNeed } from '../domain/needs.ts';
import { SetupError } from '../domain/setup-error.ts';
import { CYCLES_DEVICE_NAMES, type CyclesDevice, type WorkerDevice } from '../domain/worker-device.ts';
import { askProgram } from './ask-program.ts';
import { type FoundBlender, findBlender } from './find-blender.ts';

const ABILITIES_SCRIPT = join(import.meta.dirname, 'blender', 'abilities.py');
const ABILITIES = /^@tablao-abilities (.*)$/m;
/** Drivers can take long when they are asked for the first time after a start of the machine. */
const ABILITIES_MS = 120_000;

const Abilities = z.object({
  devices: z.array(z.object({ type: z.enum(CYCLES_DEVICE_NAMES), name: z.string() })),
  /** By Blender's names, as `CYCLES`. */
  engines: z.array(z.string()),
  /** Of Cycles, by Blender's names. */
  denoisers: z.array(z.string()),
});
type Abilities = z.infer<typeof Abilities>;

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

/** What the Blenders of a worker can do. */
export interface BlenderAbilities {
  /** What Cycles can render on, as any of them sees it. */
  readonly devices: readonly WorkerDevice[];
  /** Words for what all of them have: a task may be given to each. */
  readonly offers: readonly string[];
}

/**
 * Asks the Blenders what they can do.
 * @param wanted what the worker's owner wants it to render on
 * @throws SetupError when one of them finds no device of that kind: each of its renders would fail
 */
export async function inspectBlenders(
  blenders: readonly InstalledBlender[],
  wanted: CyclesDevice | undefined,
  logger: Logger,
): Promise<BlenderAbilities> {
  const found = await Promise.all(blenders.map((blender) => inspectBlender(blender, logger)));
  const all = found.flatMap(({ devices }) => devices);
  const devices = [...new Map(all.map((device) => [JSON.stringify(device), device])).values()];
  const lacking = blenders.find((_, index) => !found[index]!.devices.some(({ type }) => type === wanted));
  if (wanted === undefined || lacking === undefined) return { devices, offers: offersOfAll(found) };
  const there = devices.map(({ type, name }) => `${type} (${name})`).join(', ') || 'nothing';
  throw new SetupError(
    `--cycles-device ${wanted}: Blender ${lacking.version} (${lacking.program}) finds no such device on this machine; it finds ${there}.`,
  );
}

function offersOfAll(found: readonly Abilities[]): string[] {
  const words = found.map(({ engines, denoisers }) => [
    ...engines.map((name) => toNeed('engine', name)),
    ...denoisers.map((name) => toNeed('denoiser', name)),
  ]);
  return (words[0] ?? []).filter((word) => words.every((others) => others.includes(word)));
}

async function inspectBlender({ program, version }: InstalledBlender, logger: Logger): Promise<Abilities> {
  const args = ['--background', '--factory-startup', '--python', ABILITIES_SCRIPT];
  try {
    const answer = await askProgram(program, args, ABILITIES_MS);
    return Abilities.parse(JSON.parse(ABILITIES.exec(answer)?.[1] ?? 'null'));
  } catch (error) {
    logger.warn({ err: error, program }, `Blender ${version} does not say what it can render with`);
    return { devices: [], engines: [], denoisers: [] };
  }
}
