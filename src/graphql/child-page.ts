import { queryFromInfo } from '@pothos/plugin-prisma';
import type { GraphQLResolveInfo } from 'graphql';
import { byId } from '../feed/read-together.ts';
import type { PageWindow, SortOrder } from '../store/page-window.ts';
import type { Context } from './context.ts';
import { type Page, type PageArguments, readPage } from './page.ts';
import { readForSiblings } from './siblings.ts';

/** What many parents have of something, each its own list of it. */
export interface ChildList<Row> {
  readonly order: SortOrder;
  /** The ids of a window of each parent's list, by the parent's id. */
  list(parentIds: readonly string[], window: PageWindow): Promise<ReadonlyMap<string, readonly string[]>>;
  /** How many each parent has; those without any may be left out. */
  count(parentIds: readonly string[]): Promise<ReadonlyMap<string, number>>;
  find(query: RowQuery, ids: string[]): Promise<Row[]>;
}
type RowQuery = ReturnType<typeof askedFor>;

/** What is asked for of a connection's items, for Prisma. */
export function askedFor(context: Context, info: GraphQLResolveInfo) {
  return queryFromInfo({ context, info, paths: [['nodes'], ['edges', 'node']] });
}

/** One parent's page. Pages of the same field of many parents cost as many statements as one. */
export function readChildPage<Row extends { readonly id: string }>(
  parentId: string,
  args: PageArguments,
  { order, list, count, find }: ChildList<Row>,
  context: Context,
  info: GraphQLResolveInfo,
): Promise<Page<Row>> {
  return readPage(args, {
    order,
    async read(window) {
      const ids = (await readForSiblings(context, info, 'list', (parents) => list(parents, window))(parentId)) ?? [];
      // For each parent, whoever's turn reads the rows: it also tells Pothos what they come with.
      const query = askedFor(context, info);
      const read = readForSiblings(context, info, 'rows', async (all) => byId(await find(query, all)));
      // The last one beyond the page only says that there is more.
      return await Promise.all(ids.map((id, at) => (at + 1 < window.take ? read(id) : null)));
    },
    count: async () => (await readForSiblings(context, info, 'count', count)(parentId)) ?? 0,
  });
}
