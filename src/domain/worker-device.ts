/** What Cycles can render on, by Blender's names. */
// biome-ignore format: one row per line
export const CYCLES_DEVICES = {
  CPU:    'The processor.',
  CUDA:   'NVIDIA cards.',
  OPTIX:  'NVIDIA cards with ray tracing cores.',
  HIP:    'AMD cards.',
  METAL:  "Apple's graphics.",
  ONEAPI: 'Intel cards.',
} as const satisfies Record<string, string>;
export type CyclesDevice = keyof typeof CYCLES_DEVICES;

export const CYCLES_DEVICE_NAMES = Object.keys(CYCLES_DEVICES) as readonly CyclesDevice[];

/** A device of a worker that Cycles can render on. */
export interface WorkerDevice {
  readonly type: CyclesDevice;
  /** As its driver calls it. */
  readonly name: string;
}
