import { z } from 'zod';
import { InvalidInputError } from '../domain/errors.ts';
import { MAX_PICTURE_BYTES } from '../domain/frame-picture.ts';
import type { InputIssue } from '../domain/input-issue.ts';
import { quote } from '../domain/quote.ts';
import { isTooDeep, MAX_DEPTH, showGiven } from './given.ts';
import { badRequest } from './page.ts';

/** What a value must be, and the words for it. */
export interface Check {
  readonly type: z.ZodType;
  readonly allowed: string;
}

/** NUL and half a surrogate pair, as JSON spells them: PostgreSQL takes neither. */
const NO_TEXT_IN_JSON = /(?<!\\)(\\\\)*\\u(0000|d[89a-f])/i;
/** C0, DEL and C1: nothing that a terminal or a log could take for a command. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f]/;
const OFFER = /^[a-z]{1,16}:[A-Za-z0-9._-]{1,64}$/;
const WORD = /^[A-Za-z0-9._-]{1,64}$/;

function text(maximum: number) {
  return z
    .string()
    .min(1)
    .max(maximum)
    .refine((value) => !CONTROL_CHARACTERS.test(value) && value.isWellFormed());
}

function integer(minimum: number, maximum: number): Check {
  const format = (value: number) => value.toLocaleString('en');
  return {
    type: z.int().min(minimum).max(maximum),
    allowed: `a whole number from ${format(minimum)} to ${format(maximum)}`,
  };
}

function jsonObject(maxKiB: number): Check {
  const type = z.record(z.string(), z.unknown()).refine((value) => {
    if (isTooDeep(value)) return false;
    const json = JSON.stringify(value);
    return Buffer.byteLength(json) <= maxKiB * 1024 && !NO_TEXT_IN_JSON.test(json);
  });
  return { type, allowed: `an object of at most ${maxKiB} KiB as JSON, at most ${MAX_DEPTH} levels deep, without NUL` };
}

const MAX_PICTURE_BASE64 = Math.ceil(MAX_PICTURE_BYTES / 3) * 4;

/** By its first and last bytes (SOI and EOI): the gateway hands it on as it is, to whoever takes it for nothing else. */
function isJpeg(base64: string): boolean {
  const bytes = Buffer.from(base64, 'base64');
  const hasEnds = bytes.subarray(0, 3).toString('hex') === 'ffd8ff' && bytes.subarray(-2).toString('hex') === 'ffd9';
  return hasEnds && bytes.length <= MAX_PICTURE_BYTES;
}

const OUTPUT = z.object({
  frame: z.int().nullish(),
  path: text(4096),
  bytes: z.int().min(0),
  renderSeconds: z.number().min(0).nullish(),
});
const EACH_OUTPUT = 'each with its path, its size in whole bytes (0 or more) and its seconds (0 or more)';

/** What is searched for. */
function searched(maximum: number) {
  return z
    .string()
    .max(maximum)
    .refine((value) => !value.includes('\0') && value.isWellFormed());
}
const NO_NUL = 'without NUL and halves of surrogate pairs';

/** The limits of the API's fields. */
// biome-ignore format: one row per line
export const CHECKS = {
  name:       { type: text(200),                                     allowed: '1–200 characters without control characters' },
  comment:    { type: z.string().max(2000).refine((value) => !value.includes('\0') && value.isWellFormed()), allowed: 'at most 2,000 characters' },
  search:     { type: searched(200),                                 allowed: `at most 200 characters ${NO_NUL}` },
  searches:   { type: z.array(searched(200)).max(100),               allowed: `at most 100 texts, each of at most 200 characters ${NO_NUL}` },
  matches:    {
    type: z.array(z.object({ key: searched(1000), value: searched(1000) })).max(20),
    allowed: `at most 20 pairs, each with a key and a value of at most 1,000 characters ${NO_NUL}`,
  },
  word:       { type: z.string().regex(WORD),                        allowed: '1–64 characters of A–Z a–z 0–9 . _ -' },
  words:      { type: z.array(z.string().regex(WORD)).max(100),      allowed: 'at most 100 words, each of 1–64 characters of A–Z a–z 0–9 . _ -' },
  offers:     { type: z.array(z.string().regex(OFFER)).max(200),     allowed: 'at most 200 words of a kind and a name, as root:proj' },
  devices:    { type: z.array(z.object({ name: text(200) })).max(100), allowed: 'at most 100 devices, each with a name of 1–200 characters' },
  priority:   integer(0, 100),
  maxWorkers: integer(0, 10_000),
  maxAttempts: integer(1, 20),
  percent:    integer(1, 100),
  seconds:    integer(1, 604_800),
  settings:   jsonObject(256),
  metadata:   jsonObject(64),
  slots:      integer(1, 64),
  freeSlots:  integer(0, 64),
  waitSeconds: integer(0, 60),
  sequence:   integer(1, 2_147_483_647),
  fraction:   { type: z.number().min(0).max(1),                      allowed: 'a number from 0 to 1' },
  offset:     { type: z.int().min(0),                                allowed: 'a whole number of bytes, 0 or more' },
  logText:    { type: z.string().refine((value) => Buffer.byteLength(value) <= 1_048_576), allowed: 'at most 1 MiB' },
  jpeg:       { type: z.base64().max(MAX_PICTURE_BASE64).refine(isJpeg), allowed: `a JPEG of at most ${MAX_PICTURE_BYTES / 1024} KiB, in Base64` },
  tokens:     { type: z.array(z.string()).max(1000),                 allowed: 'at most 1,000 tokens' },
  reports:    { type: z.array(z.unknown()).max(1000),                allowed: 'at most 1,000 reports' },
  outputs:    { type: z.array(OUTPUT).max(100_000),                  allowed: `at most 100,000 files, ${EACH_OUTPUT}` },
  newOutputs: { type: z.array(OUTPUT).max(1000),                     allowed: `at most 1,000 files, ${EACH_OUTPUT}` },
  files:      {
    type: z.array(z.object({ path: text(4096), bytes: z.int().min(0), modifiedAt: z.date().nullish(), sha256: z.string().regex(/^[0-9a-f]{64}$/i).nullish() })).max(10_000),
    allowed: 'at most 10,000 files, each with an absolute path, its size in bytes, and a SHA-256 in hexadecimal, if any',
  },
} as const satisfies Record<string, Check>;

/** What is wrong with the fields that are there: null and absent are the schema's business. */
export function findIssues<Input extends object>(
  input: Input,
  checks: { readonly [Key in keyof Input]?: Check },
): InputIssue[] {
  return Object.entries(checks as Record<string, Check>).flatMap(([key, { type, allowed }]): InputIssue[] => {
    const given = (input as Record<string, unknown>)[key];
    if (given === null || given === undefined || type.safeParse(given).success) return [];
    return [{ path: [key], message: `${key} must be ${allowed}.`, given, allowed }];
  });
}

/** @throws InvalidInputError that names every issue */
export function refuseIssues(issues: readonly InputIssue[]): void {
  if (issues.length > 0) throw new InvalidInputError(issues);
}

/**
 * Arguments of a field that has no union to say it in.
 *
 * @throws GraphQLError BAD_REQUEST that names every issue, in `extensions.issues` too
 */
export function refuseArguments(argument: string, issues: readonly InputIssue[]): void {
  if (issues.length === 0) return;
  const named = issues.map((issue) => ({ ...issue, path: [argument, ...issue.path], given: showGiven(issue.given) }));
  const sentences = named.map(
    ({ path, given, allowed }) => `${path.join('.')} must be ${allowed}, not ${quote(JSON.stringify(given))}.`,
  );
  throw badRequest(sentences.join(' '), { issues: named });
}

const MAX_IDS = 1000;

/** @throws GraphQLError BAD_REQUEST */
export function limitIds<Ids extends readonly unknown[]>(ids: Ids): Ids {
  if (ids.length > MAX_IDS)
    throw badRequest(`ids has ${ids.length} items; at most ${MAX_IDS} are allowed in one call.`);
  return ids;
}

/** The form for many ids: one after the other, in order. */
export async function forEachId<Result>(
  ids: readonly string[],
  run: (id: string) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const id of limitIds(ids)) results.push(await run(id));
  return results;
}
