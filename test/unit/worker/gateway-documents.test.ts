import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSchema, parse, validate } from 'graphql';
import { expect, it } from 'vitest';
import * as documents from '../../../src/worker/gateway-documents.ts';

const schema = buildSchema(readFileSync(join(import.meta.dirname, '../../../schema.graphql'), 'utf8'));

it.each(Object.entries(documents))('%s is an operation of this gateway', (_, document) => {
  expect(validate(schema, parse(document)).map(String)).toEqual([]);
});
