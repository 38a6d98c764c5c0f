import { findClosestName } from './closest-name.ts';
import type { Command } from './command.ts';
import { validateSettings } from './job-settings.ts';
import {
  SCENE_SOURCES,
  type SettingDeclaration,
  type SettingInput,
  type Settings,
  type SettingType,
} from './job-type.ts';
import type { JobTypeDeclaration } from './job-type-registry.ts';
import type { JobTypeTools } from './job-type-tools.ts';
import { TASK_TYPE_NAMES } from './task-types.ts';

/** What a module in the folder of job types exports by default. */
export interface OwnJobType {
  /** What submitJob calls it: 1–64 of A–Z a–z 0–9 . _ - */
  readonly name: string;
  /** What a form calls it. */
  readonly label: string;
  readonly description: string;
  /** To be raised when the same settings would give other tasks. */
  readonly version: string;
  /** The types of its tasks; those that workers take unless they are told otherwise, when left out. */
  readonly taskTypes?: readonly string[];
  readonly settings: readonly SettingInput[];
  /** The tasks of a job; what it throws is said to whoever submits. */
  compile(job: OwnJob, tools: JobTypeTools): readonly OwnTask[] | Promise<readonly OwnTask[]>;
}

export interface OwnJob {
  readonly jobName: string;
  /** A value for each key that was given or has a default. */
  readonly settings: Settings;
}

export interface OwnTask {
  readonly name: string;
  /** One of the type's taskTypes. */
  readonly type: string;
  /** As `1-10`; left out of a task that renders none. */
  readonly frames?: string | null;
  /** Run in order. */
  readonly commands: readonly Command[];
  /** Numbers (from 0) of earlier tasks that must be completed before. */
  readonly dependsOn?: readonly number[];
}

/** A job type of one's own that has been looked at. */
export type CheckedJobType = JobTypeDeclaration & Pick<OwnJobType, 'compile'>;

const KEYS = ['name', 'label', 'description', 'version', 'taskTypes', 'settings', 'compile'];
const WORD = /^[A-Za-z0-9._-]{1,64}$/;
const KEY = /^[a-z][A-Za-z0-9]{0,63}$/;
const MAX_SETTINGS = 100;

/** What a value of each kind of setting is; `satisfies` keeps it whole. */
const TYPES = [
  'STRING',
  'INTEGER',
  'FLOAT',
  'BOOLEAN',
  'FILE_PATH',
  'DIRECTORY_PATH',
  'FRAMES',
] as const satisfies readonly SettingType[];
const SETTING_KEYS = [
  'key',
  'label',
  'description',
  'type',
  'default',
  'choices',
  'minimum',
  'maximum',
  'required',
  'editable',
  'sceneSource',
  'check',
  'explain',
];

/** A job type out of whatever a module exports, or everything that is wrong with it, a sentence each. */
export function readOwnJobType(
  given: unknown,
): { readonly jobType: CheckedJobType } | { readonly faults: readonly string[] } {
  if (!isObject(given)) return { faults: ['It must export a job type by default: export default { name: …, … }.'] };
  const { name, label, description, version, taskTypes = TASK_TYPE_NAMES, settings, compile } = given;
  const faults = [
    ...findUnknown(given, KEYS, 'a job type'),
    ...(typeof name === 'string' && WORD.test(name) ? [] : ['name must be text of 1–64 of A–Z a–z 0–9 . _ -.']),
    ...findTextFault({ label, version }, 200),
    ...findTextFault({ description }, 2_000),
    ...(Array.isArray(taskTypes) &&
    taskTypes.length > 0 &&
    taskTypes.every((type) => typeof type === 'string' && WORD.test(type))
      ? []
      : ['taskTypes must be a list of task types, each of 1–64 of A–Z a–z 0–9 . _ -.']),
    ...(typeof compile === 'function' ? [] : ['compile must be a function.']),
    ...findSettingsFaults(settings),
  ];
  if (faults.length > 0) return { faults };
  const declared = (settings as readonly SettingInput[]).map((setting) => ({
    required: false,
    editable: true,
    ...setting,
  }));
  return { jobType: { ...given, taskTypes, settings: declared } as unknown as CheckedJobType };
}

function findSettingsFaults(settings: unknown): string[] {
  if (!Array.isArray(settings)) return ['settings must be a list; an empty one for a type that takes none.'];
  if (settings.length > MAX_SETTINGS)
    return [`There are ${settings.length} settings; at most ${MAX_SETTINGS} are allowed.`];
  const keys: unknown[] = settings.map((setting) => (isObject(setting) ? setting.key : undefined));
  return settings.flatMap((setting: unknown, index) => {
    if (!isObject(setting)) return [`settings[${index}] must be an object.`];
    const { key } = setting;
    if (typeof key !== 'string' || !KEY.test(key))
      return [`settings[${index}] must have a key in camelCase, as outputPath.`];
    if (keys.indexOf(key) !== index) return [`Two settings have the key "${key}".`];
    return findSettingFaults(setting).map((fault) => `Setting "${key}": ${fault}`);
  });
}

function findSettingFaults(setting: Record<string, unknown>): string[] {
  const { label, description, type, choices, minimum, maximum, required, editable, sceneSource, check, explain } =
    setting;
  const faults = [
    ...findUnknown(setting, SETTING_KEYS, 'a setting'),
    ...findTextFault({ label }, 200),
    ...findTextFault({ description }, 2_000),
    ...findChoiceFault({ type }, TYPES, true),
    ...findChoiceFault({ sceneSource }, Object.keys(SCENE_SOURCES), false),
    ...Object.entries({ required, editable }).flatMap(([key, value]) =>
      value === undefined || typeof value === 'boolean' ? [] : [`${key} must be true or false.`],
    ),
    ...Object.entries({ check, explain }).flatMap(([key, value]) =>
      value === undefined || typeof value === 'function' ? [] : [`${key} must be a function.`],
    ),
    ...Object.entries({ minimum, maximum }).flatMap(([key, value]) =>
      value === undefined || (Number.isFinite(value) && (type === 'INTEGER' || type === 'FLOAT'))
        ? []
        : [`${key} must be a number, of a setting that is one.`],
    ),
    ...(choices === undefined || (Array.isArray(choices) && choices.length > 0)
      ? []
      : ['choices must be a list with something in it.']),
    ...(required === true && setting.default !== undefined ? ['required is for settings without a default.'] : []),
  ];
  return faults.length > 0 ? faults : findValueFaults(setting as unknown as SettingInput);
}

/** The type's own values must be such as it takes itself. */
function findValueFaults(setting: SettingInput): string[] {
  const { default: preset, choices = [], minimum, maximum } = setting;
  if (minimum !== undefined && maximum !== undefined && minimum > maximum) return ['minimum is greater than maximum.'];
  const declaration = {
    ...setting,
    required: false,
    editable: true,
    choices: undefined,
    default: undefined,
    check: undefined,
  } as SettingDeclaration;
  const faultOf = (value: unknown, what: string) => {
    const result = validateSettings([declaration], { [setting.key]: value });
    return 'issues' in result ? result.issues.map(({ message }) => `${what} does not fit: ${message}`) : [];
  };
  const faults = choices.flatMap((choice) => faultOf(choice, 'a choice'));
  if (preset === undefined) return faults;
  if (choices.length > 0 && !(choices as readonly unknown[]).includes(preset))
    return [...faults, 'the default is not among the choices.'];
  return [...faults, ...faultOf(preset, 'the default')];
}

function findUnknown(given: Record<string, unknown>, known: readonly string[], what: string): string[] {
  return Object.keys(given)
    .filter((key) => !known.includes(key))
    .map((key) => {
      const closest = findClosestName(key, known);
      return `${what} has no "${key}"${closest === null ? '' : `; did you mean ${closest}?`}; it has ${known.join(', ')}.`;
    });
}

function findTextFault(texts: Record<string, unknown>, maximum: number): string[] {
  return Object.entries(texts).flatMap(([key, value]) =>
    typeof value === 'string' && value.trim() !== '' && value.length <= maximum && value.isWellFormed()
      ? []
      : [`${key} must be text of 1–${maximum.toLocaleString('en')} characters.`],
  );
}

function findChoiceFault(values: Record<string, unknown>, allowed: readonly string[], isRequired: boolean): string[] {
  return Object.entries(values).flatMap(([key, value]) => {
    if (allowed.includes(value as string) || (value === undefined && !isRequired)) return [];
    const closest = findClosestName(String(value), allowed);
    return [`${key} must be one of ${allowed.join(', ')}${closest === null ? '' : `; did you mean ${closest}?`}.`];
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
