import { GraphQLError } from 'graphql';

/** Items of a page when nobody says how many, and the most that one page gives. */
export const DEFAULT_PAGE_SIZE = 50;
export const MAX_PAGE_SIZE = 100;

export interface PageArguments {
  readonly first?: number | null;
  readonly last?: number | null;
  readonly after?: string | null;
  readonly before?: string | null;
}

type Direction = 'asc' | 'desc';
/** What a list is ordered by. The last key is unique, so that a place in the list stays one place under any change. */
export type SortKeys<Row> = readonly { readonly key: Extract<keyof Row, string>; readonly direction: Direction }[];

export interface PageSource<Row> {
  readonly keys: SortKeys<Row>;
  /** Reads the rows beyond a cursor in the given order; `where` is a Prisma filter to be combined with the list's own. */
  find(where: object, orderBy: object[], take: number): Promise<Row[]>;
  count(): Promise<number>;
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
  count(): Promise<number>;
}

/**
 * One page of a list, forward with `first` and `after` or backward with `last` and `before`. A cursor holds the sort
 * keys' values, not a row: it stays good when its row changes or is deleted.
 *
 * @throws GraphQLError BAD_REQUEST for sizes that no page has and cursors that are none
 */
export async function readPage<Row extends object>(args: PageArguments, source: PageSource<Row>): Promise<Page<Row>> {
  checkSizes(args);
  const { keys } = source;
  const isBackward = args.last != null || (args.before != null && args.first == null && args.after == null);
  const size = args.first ?? args.last ?? DEFAULT_PAGE_SIZE;
  const beyond: object[] = [];
  if (args.after != null) beyond.push(whereBeyond(keys, readCursor('after', args.after, keys.length), false));
  if (args.before != null) beyond.push(whereBeyond(keys, readCursor('before', args.before, keys.length), true));

  const orderBy = keys.map(({ key, direction }) => ({ [key]: isBackward ? turn(direction) : direction }));
  const rows = await source.find({ AND: beyond }, orderBy, size + 1);
  const hasMore = rows.length > size;
  const page = rows.slice(0, size);
  if (isBackward) page.reverse();
  return makePage(
    keys,
    page,
    isBackward
      ? { hasNextPage: args.before != null, hasPreviousPage: hasMore }
      : { hasNextPage: hasMore, hasPreviousPage: args.after != null },
    source.count,
  );
}

/** As readPage, for a list that is read forward only and not through Prisma. */
export async function readForwardPage<Row extends object>(
  args: Pick<PageArguments, 'first' | 'after'>,
  source: {
    readonly keys: SortKeys<Row>;
    /** @param after the sort keys' values in the cursor, each text or a number */
    find(after: readonly unknown[] | null, take: number): Promise<Row[]>;
    count(): Promise<number>;
  },
): Promise<Page<Row>> {
  checkSizes(args);
  const size = args.first ?? DEFAULT_PAGE_SIZE;
  const after = args.after == null ? null : readCursor('after', args.after, source.keys.length);
  const rows = await source.find(after, size + 1);
  const place = { hasNextPage: rows.length > size, hasPreviousPage: after !== null };
  return makePage(source.keys, rows.slice(0, size), place, source.count);
}

function makePage<Row extends object>(
  keys: SortKeys<Row>,
  rows: readonly Row[],
  place: Pick<Page<Row>['pageInfo'], 'hasNextPage' | 'hasPreviousPage'>,
  count: () => Promise<number>,
): Page<Row> {
  const edges = rows.map((node) => ({ node, cursor: writeCursor(keys, node) }));
  const ends = { startCursor: edges[0]?.cursor ?? null, endCursor: edges.at(-1)?.cursor ?? null };
  return { edges, pageInfo: { ...place, ...ends }, count };
}

/** An error of the request as a whole: its arguments, not what they name. */
export function badRequest(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_REQUEST', http: { status: 400 } } });
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

function turn(direction: Direction): Direction {
  return direction === 'asc' ? 'desc' : 'asc';
}

/** (a, b) beyond (x, y): a beyond x, or a = x and b beyond y. */
function whereBeyond<Row>(keys: SortKeys<Row>, values: readonly unknown[], isBackward: boolean): object {
  return {
    OR: keys.map(({ key, direction }, index) => {
      const isRising = (direction === 'asc') !== isBackward;
      const equal = keys.slice(0, index).map((earlier, at) => ({ [earlier.key]: values[at] }));
      return { AND: [...equal, { [key]: { [isRising ? 'gt' : 'lt']: values[index] } }] };
    }),
  };
}

function writeCursor<Row extends object>(keys: SortKeys<Row>, row: Row): string {
  return Buffer.from(JSON.stringify(keys.map(({ key }) => row[key]))).toString('base64url');
}

function readCursor(name: string, cursor: string, length: number): unknown[] {
  try {
    const values: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (
      Array.isArray(values) &&
      values.length === length &&
      values.every((value) => typeof value === 'string' || typeof value === 'number')
    )
      return values;
  } catch {
    // Falls through: whatever it is, it is no cursor.
  }
  throw noCursor(name);
}

export function noCursor(name: string): GraphQLError {
  return badRequest(`${name} is no cursor of this list; give the endCursor or startCursor of one of its pages.`);
}
