import type { ObjectRef } from '@pothos/core';
import { builder } from './builder.ts';
import type { Page } from './page.ts';

type Types = typeof builder extends PothosSchemaTypes.SchemaBuilder<infer T> ? T : never;

/** The connection type of a noun: its pages, each item with a cursor, and a count that costs only those who ask. */
export function connectionOf<Row extends object>(noun: string, type: ObjectRef<Types, Row>, items: string) {
  return builder.connectionObject(
    {
      type,
      name: `${noun}Connection`,
      description: `A page of ${items}.`,
      fields: (t) => ({
        totalCount: t.int({
          description: `How many ${items} there are in all pages.`,
          resolve: (page) => (page as unknown as Page<Row>).count(),
        }),
      }),
    },
    { name: `${noun}Edge`, description: `One of the ${items}, with its cursor.` },
  ) as unknown as ObjectRef<Types, Page<Row>>;
}
