import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  buildSchema,
  DangerousChangeType,
  findSchemaChanges,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
  SafeChangeType,
} from 'graphql';
import { describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(resolve(ROOT, file), 'utf8');

/** What may have been added to the contract. Whatever else differs from it is a name, a shape or a value that clients rely on. */
const ADDITIONS: ReadonlySet<string> = new Set([
  SafeChangeType.TYPE_ADDED,
  SafeChangeType.FIELD_ADDED,
  SafeChangeType.OPTIONAL_ARG_ADDED,
  SafeChangeType.OPTIONAL_INPUT_FIELD_ADDED,
  SafeChangeType.DIRECTIVE_ADDED,
  SafeChangeType.DESCRIPTION_CHANGED,
  DangerousChangeType.VALUE_ADDED_TO_ENUM,
  DangerousChangeType.TYPE_ADDED_TO_UNION,
  DangerousChangeType.IMPLEMENTED_INTERFACE_ADDED,
]);

/** Where a schema is not what the contract says, a sentence each. */
function findDepartures(contract: GraphQLSchema, schema: GraphQLSchema): string[] {
  const changes = findSchemaChanges(contract, schema)
    .filter(({ type }) => !ADDITIONS.has(type))
    .map(({ description }) => description);
  // The one thing that findSchemaChanges does not look at.
  const oneOf = Object.values(contract.getTypeMap())
    .filter((type) => isInputObjectType(type) && type.isOneOf)
    .filter(({ name }) => !isOneOf(schema, name))
    .map(({ name }) => `${name} is not @oneOf.`);
  return [...changes, ...oneOf];
}

/** Every type, field, argument and value that says nothing about itself. */
function findUndescribed(schema: GraphQLSchema): string[] {
  const names: string[] = [];
  const look = (name: string, { description }: { readonly description?: string | null | undefined }) => {
    if (!description) names.push(name);
  };
  for (const type of Object.values(schema.getTypeMap())) {
    if (isIntrospectionType(type) || isSpecifiedScalarType(type)) continue;
    look(type.name, type);
    if (isEnumType(type)) for (const value of type.getValues()) look(`${type.name}.${value.name}`, value);
    if (!isObjectType(type) && !isInterfaceType(type) && !isInputObjectType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      look(`${type.name}.${field.name}`, field);
      if ('args' in field) for (const arg of field.args) look(`${type.name}.${field.name}(${arg.name}:)`, arg);
    }
  }
  return names;
}

function isOneOf(schema: GraphQLSchema, name: string): boolean {
  const type = schema.getType(name);
  return isInputObjectType(type) && type.isOneOf;
}

describe('schema.graphql', () => {
  it('has each type, field, argument, default and value of the contract', () => {
    const contract = buildSchema(read('test/contract/contract.graphql'));
    const departures = findDepartures(contract, buildSchema(read('schema.graphql')));
    expect(departures).toEqual([]);
  });

  it('describes everything', () => {
    expect(findUndescribed(buildSchema(read('schema.graphql')))).toEqual([]);
  });
});

/** The comparison itself: a small contract, and what must be seen or allowed. */
describe('the comparison', () => {
  const CONTRACT = `
    interface Node { id: ID! }
    type Job implements Node { id: ID! name: String! error: String tasks(first: Int = 50, status: Status): [Job!]! }
    enum Status { QUEUED ACTIVE }
    union Result = Job | Failure
    type Failure { message: String! }
    input Order { field: String! direction: String! }
    input Event @oneOf { done: Boolean failed: String }
    type Query { jobs(orderBy: Order = { field: "name", direction: "ASC" }, event: Event): [Result!]! node: Node }`;
  const change = (from: string, to: string) => {
    if (!CONTRACT.includes(from)) throw new Error(`The contract has no ${from}.`);
    return findDepartures(buildSchema(CONTRACT), buildSchema(CONTRACT.replaceAll(from, to)));
  };

  it.each([
    ['a type that is called otherwise', 'Failure', 'Failing', /Failure/],
    ['a field that is missing', 'error: String', '', /error/],
    ['a field of another type', 'name: String!', 'name: Int!', /name/],
    ['a field that can be null', 'name: String!', 'name: String', /name/],
    ['a field that can no longer be null', 'error: String', 'error: String!', /error/],
    ['an argument that is missing', ', status: Status', '', /status/],
    ['an argument of another type', 'status: Status', 'status: [Status]', /status/],
    ['an argument that has to be given', 'status: Status)', 'status: Status, last: Int!)', /last/],
    ['another default', 'Int = 50', 'Int = 51', /first/],
    ['no default', 'Int = 50', 'Int', /first/],
    ['a default that was none', 'status: Status)', 'status: Status = QUEUED)', /status/],
    ['another default deep inside', 'direction: "ASC" }', 'direction: "DESC" }', /orderBy/],
    ['a value that is missing', 'QUEUED ACTIVE', 'QUEUED', /ACTIVE/],
    ['a member that is missing', 'Job | Failure', 'Job', /Failure/],
    ['an interface that is missing', 'Job implements Node', 'Job', /Node/],
    ['an input field that has to be given', 'input Order {', 'input Order { nulls: String!', /nulls/],
    ['an input that is no longer one of several', 'input Event @oneOf', 'input Event', /Event is not @oneOf/],
  ])('sees %s', (_, from, to, what) => {
    expect(change(from, to).join('\n')).toMatch(what);
  });

  it.each([
    ['a type, a field and a value', 'QUEUED ACTIVE }', 'QUEUED ACTIVE PAUSED } type Farm { name: String }'],
    ['an optional argument', 'status: Status)', 'status: Status, last: Int)'],
    ['an optional input field', 'input Order {', 'input Order { nulls: String'],
    ['a member', 'Job | Failure', 'Job | Failure | Other type Other { id: ID! }'],
    ['descriptions', 'type Job', '"A job." type Job'],
    ['the same default in another order', '{ field: "name", direction: "ASC" }', '{ direction: "ASC", field: "name" }'],
  ])('allows %s', (_, from, to) => {
    expect(change(from, to)).toEqual([]);
  });
});
