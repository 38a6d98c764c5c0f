import SchemaBuilder from '@pothos/core';
import PrismaPlugin from '@pothos/plugin-prisma';
import RelayPlugin from '@pothos/plugin-relay';
import { DateTimeResolver, JSONResolver } from 'graphql-scalars';
import type PrismaTypes from '../generated/prisma/pothos.ts';
import { getDatamodel } from '../generated/prisma/pothos.ts';
import type { Context } from './context.ts';
import { parseId } from './global-id.ts';
import { limitIds } from './input.ts';

/** What every type of the API is built with. Each noun's types, queries, mutations and subscriptions stand in one file. */
export const builder = new SchemaBuilder<{
  Context: Context;
  DefaultFieldNullability: false;
  PrismaTypes: PrismaTypes;
  Scalars: {
    ID: { Input: string; Output: string };
    DateTime: { Input: Date; Output: Date };
    JSON: { Input: unknown; Output: unknown };
    Cursor: { Input: string; Output: string };
  };
}>({
  plugins: [RelayPlugin, PrismaPlugin],
  defaultFieldNullability: false,
  prisma: {
    client: (context) => context.store.prisma,
    dmmf: getDatamodel(),
    filterConnectionTotalCount: true,
    exposeDescriptions: false,
  },
  relay: {
    cursorType: 'String',
    nodesOnConnection: { description: 'The items of the page.' },
    decodeGlobalID: parseId,
    edgesFieldOptions: { description: 'The items of the page, each with its cursor.' },
    pageInfoFieldOptions: { description: 'Where the page stands in its list.' },
    firstArgOptions: {
      description: 'How many, from 1 to 100, from the beginning or from `after` on; 50 without first and last.',
    },
    afterArgOptions: { description: 'The cursor after which the page begins.' },
    lastArgOptions: { description: 'How many, from 1 to 100, up to the end or up to `before`.' },
    beforeArgOptions: { description: 'The cursor before which the page ends.' },
    hasNextPageFieldOptions: {
      description: 'Whether items follow the page; taken for granted on a page before a cursor.',
    },
    hasPreviousPageFieldOptions: {
      description: 'Whether items come before the page; taken for granted on a page after a cursor.',
    },
    startCursorFieldOptions: { description: 'The cursor of its first item: give it as `before` to page backward.' },
    endCursorFieldOptions: { description: 'The cursor of its last item: give it as `after` to page forward.' },
    nodeFieldOptions: { description: 'The item.' },
    cursorFieldOptions: { description: 'Where the item stands: give it as `after` or `before`.' },
    nodeTypeOptions: { description: 'Anything that has a global id.' },
    pageInfoTypeOptions: { description: 'Where a page stands in its list.' },
    nodeQueryOptions: {
      description: 'Anything by its global id; null when there is no such thing.',
      args: { id: { description: 'The global id.' } },
    },
    nodesQueryOptions: {
      description: 'Many things by their global ids, in the order of the ids; null for each that does not exist.',
      args: { ids: { description: 'The global ids, at most 1,000.' } },
      resolve: (_root, { ids }, _context, _info, resolveNodes) => resolveNodes(limitIds(ids)),
    },
    idFieldOptions: { description: 'The global id.' },
  },
});

builder.addScalarType('DateTime', DateTimeResolver);
builder.addScalarType('JSON', JSONResolver);
builder.scalarType('Cursor', {
  description: 'An opaque position in the event feed or in a log. It belongs to the database that it came from.',
  serialize: (value) => value,
  parseValue: (value) => {
    if (typeof value !== 'string') throw new TypeError('A cursor is text.');
    return value;
  },
});

builder.queryType({ description: 'Everything that can be read.' });
builder.mutationType({
  description:
    'Everything that can be changed. Each answers with a union: its success, or an error that says what would have worked.',
});
builder.subscriptionType({
  description:
    'Everything that can be watched, over WebSocket (graphql-transport-ws) or as server-sent events. Exact streams (statusChanges, taskLog) leave nothing out and go on from a cursor; the others give the newest state, at most ten times a second.',
});

/** An enum whose values and descriptions are a table's rows: `soft-failed` becomes SOFT_FAILED. */
export function enumFromTable<Value extends string>(
  name: string,
  description: string,
  table: Record<Value, string | { meaning: string }>,
) {
  const rows = Object.entries(table) as [Value, string | { meaning: string }][];
  const values = rows.map(([value, row]) => [
    value.toUpperCase().replaceAll('-', '_'),
    { value, description: typeof row === 'string' ? row : row.meaning },
  ]);
  return builder.enumType<string, Record<string, { value: Value; description: string }>>(name, {
    description,
    values: Object.fromEntries(values),
  });
}
