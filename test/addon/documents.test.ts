import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { buildSchema, Kind, parse, validate } from 'graphql';
import { expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const FOLDER = join(ROOT, 'blender-addon/tablao/graphql');
const files = readdirSync(FOLDER);
const schema = buildSchema(readFileSync(join(ROOT, 'schema.graphql'), 'utf8'));

it.each(files)('%s asks what the schema has, under its own name', (file) => {
  const document = parse(readFileSync(join(FOLDER, file), 'utf8'));
  expect(validate(schema, document).map(({ message }) => message)).toEqual([]);
  const [operation, ...others] = document.definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
  expect(others).toEqual([]);
  expect(operation?.kind === Kind.OPERATION_DEFINITION && operation.name?.value).toBe(basename(file, '.graphql'));
});

it('the add-on loads no document that is not there', () => {
  const sources = readdirSync(join(FOLDER, '..'), { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.py'),
  );
  const loaded = sources.flatMap((path) => [
    ...readFileSync(join(FOLDER, '..', path), 'utf8').matchAll(/load_document\("(\w+)"\)/g),
  ]);
  const names = new Set(loaded.map(([, name]) => `${name}.graphql`));
  expect([...names].sort()).toEqual(files.sort());
});
