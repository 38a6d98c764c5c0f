import type { GraphQLResolveInfo } from 'graphql';
import { readTogether } from '../feed/read-together.ts';
import type { Context } from './context.ts';

/** Rows of one statement; a hundred jobs with a hundred tasks each are asked for at once. */
const MAX_IDS = 10_000;

/**
 * Makes a function that reads something for one object of a list, and does so for all its siblings in one statement: a
 * field of a hundred jobs is resolved a hundred times, and asked for once.
 *
 * @param what tells apart what the same field reads
 */
export function readForSiblings<Value>(
  context: Context,
  info: GraphQLResolveInfo,
  what: string,
  readMany: (ids: string[]) => Promise<ReadonlyMap<string, Value>>,
): (id: string) => Promise<Value | null> {
  const key = `${what} ${info.parentType.name} ${placeOf(info.path)}`;
  const known = context.reading.get(key);
  if (known) return known as (id: string) => Promise<Value | null>;
  const read = readTogether(readMany, MAX_IDS);
  context.reading.set(key, read);
  return read;
}

/** Where in the answer the field stands, whichever object of a list it is of. */
function placeOf(path: GraphQLResolveInfo['path'] | undefined): string {
  if (!path) return '';
  const before = placeOf(path.prev);
  return typeof path.key === 'number' ? before : `${before}.${path.key}`;
}
