import { GraphQLError } from 'graphql';
import type { PageWindow, SortOrder } from '../store/page-window.ts';
import { readCursor, writeCursor } from './page-cursor.ts';

/** Items of a page when nobody says how many, and the most that one page gives. */
export const DEFAULT_PAGE_SIZE = 50;
export const MAX_PAGE_SIZE = 100;

export interface PageArguments {
  readonly first?: number | null;
  readonly last?: number | null;
  readonly after?: string | null;
  readonly before?: string | null;
}

export interface List<Row> {
  readonly order: SortOrder;
  /** The rows in a window, in its order; null for each that has been deleted while they were read. */
  read(window: PageWindow): Promise<readonly (Row | null)[]>;
  count(): number | Promise<number>;
}

/** A page as the connection types show it. The rows are counted only when somebody asks. */
export interface Page<Row> {
  readonly edges: { readonly node: Row; readonly cursor: string }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
  count(): number | Promise<number>;
}

/**
 * One page of a list, forward with `first` and `after` or backward with `last` and `before`. A cursor holds the sort
 * columns' values, not a row: it stays good when its row changes or is deleted.
 *
 * @throws GraphQLError BAD_REQUEST for sizes that no page has and cursors that are none of this list
 */
export async function readPage<Row extends object>(args: PageArguments, list: List<Row>): Promise<Page<Row>> {
  checkSizes(args);
  const { order } = list;
  const isBackward = args.last != null || (args.before != null && args.first == null && args.after == null);
  const size = args.first ?? args.last ?? DEFAULT_PAGE_SIZE;
  const [after, before] = (['after', 'before'] as const).map((name) => {
    const cursor = args[name];
    if (cursor == null) return null;
    const place = readCursor(order, cursor);
    if (!place) throw noCursor(name);
    return place;
  }) as [PageWindow['after'], PageWindow['before']];

  const rows = await list.read({ after, before, isBackward, take: size + 1 });
  const hasMore = rows.length > size;
  const page = rows.slice(0, size).filter((row) => row !== null);
  if (isBackward) page.reverse();
  const edges = page.map((node) => ({ node, cursor: writeCursor(order, node) }));
  return {
    edges,
    pageInfo: {
      hasNextPage: isBackward ? before !== null : hasMore,
      hasPreviousPage: isBackward ? hasMore : after !== null,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
    count: list.count,
  };
}

export function noCursor(name: string): GraphQLError {
  return badRequest(`${name} is no cursor of this list; give the cursor of one of its items.`);
}

/** An error of the request as a whole: its arguments, not what they name. */
export function badRequest(message: string, extensions: Record<string, unknown> = {}): GraphQLError {
  return new GraphQLError(message, { extensions: { ...extensions, code: 'BAD_REQUEST', http: { status: 400 } } });
}

/** @throws GraphQLError BAD_REQUEST */
export function checkSize(name: string, size: number, maximum = MAX_PAGE_SIZE): void {
  const most = maximum.toLocaleString('en');
  if (size < 1 || size > maximum) throw badRequest(`${name} is ${size}; it must be from 1 to ${most}.`);
}

function checkSizes({ first, last }: PageArguments): void {
  for (const [name, size] of Object.entries({ first, last })) if (size != null) checkSize(name, size);
  if (first != null && last != null) throw badRequest('Give first or last, not both.');
}
