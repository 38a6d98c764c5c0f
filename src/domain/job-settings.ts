import { findClosestName } from './closest-name.ts';
import { findPathFault, splitPath } from './file-path.ts';
import { FRAME_RANGE_ALLOWED, FrameRangeError, parseFrameRange } from './frame-range.ts';
import type { InputIssue } from './input-issue.ts';
import type { SettingDeclaration, Settings, SettingType, SettingValue } from './job-type.ts';
import { quote } from './quote.ts';

export type SettingsResult = { readonly settings: Settings } | { readonly issues: readonly InputIssue[] };

/** Each text goes into every task of the job, of which there may be 100,000. */
const MAX_TEXT_LENGTH = 1_000;

/** A mistaken input of thousands of keys is answered with this many of them, and their number. */
const MAX_UNKNOWN_KEYS = 20;

// biome-ignore format: one row per line
const TYPES = {
  STRING:         { noun: 'text',                                   fits: (value) => typeof value === 'string' },
  INTEGER:        { noun: 'a whole number',                         fits: (value) => Number.isSafeInteger(value) },
  FLOAT:          { noun: 'a number',                               fits: (value) => Number.isFinite(value) },
  BOOLEAN:        { noun: 'true or false',                          fits: (value) => typeof value === 'boolean' },
  FILE_PATH:      { noun: 'the absolute path of a file, as text',   fits: (value) => typeof value === 'string' },
  DIRECTORY_PATH: { noun: 'the absolute path of a folder, as text', fits: (value) => typeof value === 'string' },
  FRAMES:         { noun: 'frames, as text ("1-10")',               fits: (value) => typeof value === 'string' },
} as const satisfies Record<SettingType, { noun: string; fits: (value: unknown) => boolean }>;

/**
 * The settings of a job with defaults filled in, or everything that is wrong with them at once. Null counts as not given.
 * Values are kept as they were given, paths and frames too. A setting without value and default is left out.
 */
export function validateSettings(declarations: readonly SettingDeclaration[], given: unknown): SettingsResult {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    const allowed = 'an object with a value for each setting';
    return { issues: [{ path: ['settings'], message: `settings is not an object: give ${allowed}.`, given, allowed }] };
  }
  const values = new Map(Object.entries(given).filter(([, value]) => value !== null && value !== undefined));
  const issues: InputIssue[] = findUnknownKeys(declarations, Object.entries(given));
  const settings: Record<string, SettingValue> = {};
  for (const declaration of declarations) {
    const { key } = declaration;
    const value: unknown = values.get(key) ?? declaration.default;
    if (value === undefined) {
      if (declaration.required) {
        issues.push({ path: ['settings', key], message: `${key} is required.`, allowed: describeAllowed(declaration) });
      }
      continue;
    }
    const fault = findFault(declaration, value);
    if (fault === null) settings[key] = value as SettingValue;
    else issues.push(toIssue(declaration, fault, values));
  }
  const wrong = declarations.flatMap((declaration) => {
    const value = settings[declaration.key];
    const fault = value === undefined ? null : (declaration.check?.(value as never, settings) ?? null);
    return fault === null ? [] : [toIssue(declaration, fault, values)];
  });
  issues.push(...wrong);
  return issues.length > 0 ? { issues } : { settings };
}

/** What a value of the setting must be, in one phrase. */
export function describeAllowed({ type, choices, minimum, maximum }: SettingDeclaration): string {
  if (choices !== undefined) return choices.join(', ');
  if (type === 'FRAMES') return FRAME_RANGE_ALLOWED;
  const limits = [
    minimum === undefined ? [] : `from ${formatNumber(minimum)}`,
    maximum === undefined ? [] : `to ${formatNumber(maximum)}`,
  ];
  return [TYPES[type].noun, ...limits.flat()].join(' ');
}

/** Why a value is no value of this setting, seen by itself: a predicate that follows the key, or null. */
function findFault(declaration: SettingDeclaration, value: unknown): string | null {
  const fault = findGeneralFault(declaration, value);
  return fault === null ? null : (declaration.explain?.(value) ?? fault);
}

function findGeneralFault({ type, choices, minimum, maximum }: SettingDeclaration, value: unknown): string | null {
  if (!TYPES[type].fits(value)) return `must be ${TYPES[type].noun}, not ${describeType(value)}`;
  if (choices !== undefined && !(choices as readonly unknown[]).includes(value)) {
    const closest = findClosestName(String(value), choices.map(String));
    return `cannot be ${quote(String(value))}${closest === null ? '' : `; did you mean ${closest}?`}`;
  }
  if (typeof value === 'number') {
    if (minimum !== undefined && value < minimum) return `is ${value}, less than ${formatNumber(minimum)}`;
    if (maximum !== undefined && value > maximum) return `is ${value}, more than ${formatNumber(maximum)}`;
  }
  return typeof value === 'string' ? findTextFault(type, value) : null;
}

function findTextFault(type: SettingType, text: string): string | null {
  if (text.trim() === '') return type === 'FRAMES' ? 'is empty; name at least one frame, as in 1-10' : 'is empty';
  // PostgreSQL's jsonb takes neither.
  if (text.includes('\u0000') || !text.isWellFormed())
    return 'has characters that are no text (NUL, or half of a surrogate pair)';
  if (type === 'FRAMES') return findFramesFault(text);
  if (type === 'STRING')
    return text.length > MAX_TEXT_LENGTH ? `is longer than ${formatNumber(MAX_TEXT_LENGTH)} characters` : null;
  const fault = findPathFault(text);
  if (fault !== null) return fault;
  return type === 'FILE_PATH' && splitPath(text).name === '' ? 'is a folder; give the path of a file' : null;
}

function findFramesFault(text: string): string | null {
  try {
    parseFrameRange(text);
    return null;
  } catch (error) {
    if (error instanceof FrameRangeError) return `cannot be read. ${error.message.replace(/\.$/, '')}`;
    throw error;
  }
}

function findUnknownKeys(
  declarations: readonly SettingDeclaration[],
  given: readonly [string, unknown][],
): InputIssue[] {
  const known = declarations.map(({ key }) => key);
  const unknown = given.filter(([key]) => !known.includes(key));
  const allowed = known.join(', ');
  const issues: InputIssue[] = unknown.slice(0, MAX_UNKNOWN_KEYS).map(([key, value]) => {
    const closest = findClosestName(key, known);
    const message = `There is no setting ${quote(key)}${closest === null ? '.' : `; did you mean ${closest}?`}`;
    return { path: ['settings', key], message, given: value, allowed };
  });
  const more = unknown.length - issues.length;
  return more > 0
    ? [...issues, { path: ['settings'], message: `${more} more settings are unknown.`, allowed }]
    : issues;
}

function toIssue(declaration: SettingDeclaration, fault: string, values: ReadonlyMap<string, unknown>): InputIssue {
  const { key } = declaration;
  return {
    path: ['settings', key],
    message: `${key} ${fault}${/[.?]$/.test(fault) ? '' : '.'}`,
    ...(values.has(key) ? { given: values.get(key) } : {}),
    allowed: describeAllowed(declaration),
  };
}

function describeType(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return `the text ${quote(value)}`;
  return typeof value === 'object' ? 'an object' : String(value);
}

function formatNumber(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 20 });
}
