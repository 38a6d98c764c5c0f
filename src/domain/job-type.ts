import type { Command } from './command.ts';
import { countFrames } from './frame-range.ts';

/** The types of settings and the values that they take. Paths are absolute ones of the machines that render. */
interface SettingTypes {
  STRING: string;
  INTEGER: number;
  FLOAT: number;
  BOOLEAN: boolean;
  FILE_PATH: string;
  DIRECTORY_PATH: string;
  FRAMES: string;
}

export type SettingType = keyof SettingTypes;
export type SettingValue = SettingTypes[SettingType];

/** What a job's settings hold once they are validated: a value for each key that was given or has a default. */
export type Settings = Readonly<Record<string, SettingValue>>;

/** What of a Blender scene a setting can be filled from. */
// biome-ignore format: one row per line
export const SCENE_SOURCES = {
  BLEND_FILE:         'The path of the open file.',
  FRAME_RANGE:        'First and last frame of the scene, with its step.',
  OUTPUT_PATH:        "The scene's output path, made absolute.",
  FILE_FORMAT:        "The scene's image format.",
  FPS:                'Frames per second of the scene.',
  SCENE:              'The name of the scene.',
  CAMERA:             "The name of the scene's camera.",
  VIEW_LAYER:         'The name of the view layer.',
  RESOLUTION_PERCENT: "The scene's resolution in percent.",
  SAMPLES:            'Samples of the render engine.',
  BLENDER_VERSION:    'The version of Blender that saved the file, as 5.2.',
} as const satisfies Record<string, string>;

export type SceneSource = keyof typeof SCENE_SOURCES;

/** One setting as its author writes it; `required` is false and `editable` true where they are left out. */
export type SettingInput = {
  readonly [T in SettingType]: {
    /** In camelCase: the key in `settings`. */
    readonly key: string;
    readonly label: string;
    readonly description: string;
    readonly type: T;
    /** Taken when no value is given. */
    readonly default?: SettingTypes[T];
    readonly choices?: readonly SettingTypes[T][];
    /** The smallest and the greatest number, both allowed. */
    readonly minimum?: number;
    readonly maximum?: number;
    /** Refused when no value is given; such a setting has no default. */
    readonly required?: boolean;
    /** Whether a form offers it; false: whoever submits fills it in from the scene. */
    readonly editable?: boolean;
    readonly sceneSource?: SceneSource;
    /**
     * What else is wrong with a value of the right type: a predicate that follows the setting's key ("has no …"), or null.
     * `settings` has the other values, without those that are wrong themselves. Not part of the API.
     */
    readonly check?: (value: SettingTypes[T], settings: Settings) => string | null;
    /** A better sentence (a predicate, as in `check`) than the general one for a refused value, or null. Not part of the API. */
    readonly explain?: (given: unknown) => string | null;
  };
}[SettingType];

/** One setting of a job type (contract: JobTypeSetting). */
export type SettingDeclaration = SettingInput & { readonly required: boolean; readonly editable: boolean };

/** A task as a job type makes it, before it has an id. */
export interface CompiledTask {
  readonly name: string;
  /** Only workers that offer this type are given the task. */
  readonly type: string;
  /** As formatFrameRange writes it; null without frames. */
  readonly frames: string | null;
  /** Run in order. */
  readonly commands: readonly Command[];
  /** Indices of earlier tasks of the list. */
  readonly dependsOn: readonly number[];
}

/** How many frames a task renders. */
export function countTaskFrames({ frames }: Pick<CompiledTask, 'frames'>): number {
  return frames === null ? 0 : countFrames(frames);
}

/** Code that declares the settings of a kind of job and compiles them into tasks. */
export interface JobType {
  readonly name: string;
  readonly label: string;
  readonly description: string;
  /** Rises when the same settings would give other tasks. */
  readonly version: string;
  /** The task types that `compile` makes. */
  readonly taskTypes: readonly string[];
  readonly settings: readonly SettingDeclaration[];
  /** The job's tasks, at most MAX_TASKS; pure. `settings` are what validateSettings gave. */
  compile(input: { readonly jobName: string; readonly settings: Settings }): readonly CompiledTask[];
}

/** How many tasks a job may have. */
export const MAX_TASKS = 100_000;

type ValueOf<D extends SettingInput> = D extends { readonly choices: readonly (infer Choice)[] }
  ? Choice
  : SettingTypes[D['type']];

type IsAlwaysSet<D> = D extends { readonly required: true } | { readonly default: SettingValue } ? true : false;

/** The type of the settings that validateSettings gives for the declarations `D`. */
export type SettingsOf<D extends readonly SettingInput[]> = {
  readonly [Each in D[number] as IsAlwaysSet<Each> extends true ? Each['key'] : never]: ValueOf<Each>;
} & {
  readonly [Each in D[number] as IsAlwaysSet<Each> extends true ? never : Each['key']]?: ValueOf<Each>;
};

/** Makes a job type whose `compile` sees each setting with the type that its declaration gives it. */
export function defineJobType<const D extends readonly SettingInput[]>(
  type: Omit<JobType, 'settings' | 'compile'> & {
    readonly settings: D;
    compile(input: { readonly jobName: string; readonly settings: SettingsOf<D> }): readonly CompiledTask[];
  },
): JobType {
  return {
    ...type,
    settings: type.settings.map((setting) => ({ required: false, editable: true, ...setting })),
    compile: ({ jobName, settings }) => type.compile({ jobName, settings: settings as unknown as SettingsOf<D> }),
  };
}
