import {
  type GraphQLInputType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
} from 'graphql';
import { v7 as newId } from 'uuid';
import { encodeId } from '../../src/graphql/global-id.ts';

const LONG = 'x'.repeat(100_000);
const nestText = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
const nest = (levels: number): unknown => JSON.parse(nestText(levels));
/** Stands for an object that JSON.stringify itself cannot take. */
const DEEPEST = 'the deepest of all objects';

/** What nobody should send, by the type for which it is sent. */
// biome-ignore format: one kind per line
const BAD: Readonly<Record<string, readonly unknown[]>> = {
  ID: [
    '', ' ', 'nonsense', LONG, 'a\u0000b', '\ud800', '🦆', 7, -1, 1.5, 1e300, true, {}, [],
    ...(['Job', 'Task', 'Worker', 'Attempt'] as const).flatMap((noun) => [encodeId(noun, newId()), encodeId(noun, 'nonsense')]),
    btoa('Job'), btoa('Job:'), btoa('Job:\u0000'), btoa('Nonsense:1'), btoa('Job:1:2'), btoa('__proto__:1'),
  ],
  String: ['', ' ', LONG, 'a\u0000b', '\ud800', 'a\u001b[31m', '\u202e', '🦆'.repeat(300), "'; DROP TABLE job; --", 7, true, {}, []],
  Cursor: ['', 'nonsense', LONG, 'a\u0000b', '\ud800', 7, {}, btoa('[]'), btoa('{}'), btoa('null')],
  Int: [0, -1, 2_147_483_647, -2_147_483_648, 2_147_483_648, 1e300, 1.5, '7', true, {}, []],
  Float: [-1, 0.5, 1e300, -1e300, Number.MAX_SAFE_INTEGER + 1, '7', true, {}, []],
  Boolean: ['yes', 1, {}, []],
  DateTime: [
    '', 'yesterday', '2026-13-45T00:00:00Z', '2026-02-30T00:00:00Z', '0000-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z', '2026-01-01T00:00:00+23:59',
    '-000001-01-01T00:00:00Z', '+275760-09-13T00:00:00Z', '2026-01-01', LONG, 7, -1, 1e300, true, {}, [],
  ],
  JSON: [
    '', 7, true, [], [[]], {}, nest(100), nest(3_000), DEEPEST, { a: 'a\u0000b' }, { '\u0000': 1 }, { a: '\ud800' }, { '\ud800': 1 }, { a: LONG.repeat(4) },
    JSON.parse('{"__proto__": {"a": 1}, "constructor": 1, "toString": 1}'), { a: 1e300, b: -0, c: 5e-324 },
    Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`k${n}`, n])),
  ],
};
const LISTS = [[], [null], [[]], [{}], 'x', 7, {}];
const OBJECTS = [{}, [], 'x', 7, { nonsense: 1 }];

/** The body of a request. */
export function writeJson(value: unknown): string {
  return JSON.stringify(value).replace(JSON.stringify(DEEPEST), nestText(100_000));
}

export interface Spoiled {
  /** Where, from the arguments: `input.settings`. */
  readonly path: string;
  readonly value: unknown;
}

/** Each way to spoil one place of a valid value of this type, with the rest as it is. */
export function* spoil(type: GraphQLInputType, valid: unknown, path: string): Generator<Spoiled> {
  const inside = getNullableType(type);
  yield { path, value: null };
  if (isListType(inside)) {
    const first = Array.isArray(valid) ? valid[0] : undefined;
    for (const value of [...LISTS, Array(1_001).fill(first ?? 'x')]) yield { path, value };
    for (const item of spoil(inside.ofType, first, `${path}.0`)) yield { path: item.path, value: [item.value] };
  } else if (isInputObjectType(inside)) {
    for (const value of OBJECTS) yield { path, value };
    const given = (valid ?? {}) as Record<string, unknown>;
    for (const { name, type: fieldType } of Object.values(inside.getFields())) {
      const others = inside.isOneOf ? {} : given;
      for (const field of spoil(fieldType, given[name], `${path}.${name}`))
        yield { path: field.path, value: { ...others, [name]: field.value } };
      if (isNonNullType(fieldType)) yield { path: `${path}.${name}`, value: { ...others, [name]: undefined } };
    }
  } else if (isEnumType(inside)) {
    const [known] = inside.getValues();
    for (const value of ['', 'NONSENSE', known!.name.toLowerCase(), 7, {}]) yield { path, value };
  } else {
    const bad = BAD[inside.name];
    if (!bad) throw new Error(`Nobody has said what a bad ${inside.name} is.`);
    for (const value of bad) yield { path, value };
  }
}
