import type { TestGateway } from './gateway.ts';

export interface Walked {
  readonly ids: string[];
  readonly totalCount: number;
}

/** What a page of a connection answers. */
interface Page {
  readonly nodes: { readonly id: string }[];
  readonly edges: { readonly cursor: string }[];
  readonly pageInfo: Record<'hasNextPage' | 'hasPreviousPage', boolean> &
    Record<'startCursor' | 'endCursor', string | null>;
  readonly totalCount: number;
}
export interface WalkOptions {
  readonly size: number;
  readonly isBackward: boolean;
  /** Called between two pages. */
  readonly between?: () => Promise<unknown>;
}

export const PAGE =
  'nodes { id } edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount';

/**
 * Goes through a list page by page, and holds each page against what it says of itself.
 *
 * @param query an operation with $first, $after, $last and $before that gives one connection's PAGE
 * @returns the ids in the order of the list
 */
export async function walkPages(
  gateway: TestGateway,
  query: string,
  variables: Record<string, unknown>,
  { size, isBackward, between }: WalkOptions,
): Promise<Walked> {
  const ids: string[] = [];
  let cursor: string | null = null;
  for (let pages = 1; ; pages += 1) {
    const place = isBackward ? { last: size, before: cursor } : { first: size, after: cursor };
    const page = findPage(await gateway.run(query, { ...variables, ...place }));
    const shown = page.nodes.map(({ id }) => id);
    const { startCursor, endCursor, hasNextPage, hasPreviousPage } = page.pageInfo;
    const isLast = isBackward ? !hasPreviousPage : !hasNextPage;
    const faults = [
      page.edges[0]?.cursor !== (startCursor ?? undefined) && 'startCursor is not the first cursor',
      page.edges.at(-1)?.cursor !== (endCursor ?? undefined) && 'endCursor is not the last cursor',
      !isLast && shown.length !== size && `a page of ${size} has ${shown.length}`,
      (isBackward ? hasNextPage : hasPreviousPage) !== (cursor !== null) && 'it does not say that others come before',
    ].filter(Boolean);
    if (faults.length > 0) throw new Error(`Page ${pages}: ${faults.join('; ')}.`);
    if (isBackward) ids.unshift(...shown);
    else ids.push(...shown);
    if (isLast) return { ids, totalCount: page.totalCount };
    cursor = isBackward ? startCursor : endCursor;
    await between?.();
  }
}

/** The only connection in an answer. */
function findPage(value: unknown): Page {
  if (typeof value === 'object' && value !== null) {
    if ('pageInfo' in value) return value as Page;
    for (const inner of Object.values(value)) {
      const page = findPage(inner);
      if (page) return page;
    }
  }
  return undefined as unknown as Page;
}
