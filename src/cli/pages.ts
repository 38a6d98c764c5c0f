/** A page of a connection, as the commands ask for it. */
export interface Page<Item> {
  readonly nodes: readonly Item[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

/** What a query asks for of each page beside its nodes. */
export const PAGE_INFO = 'pageInfo { hasNextPage endCursor }';

/** Everything that a connection holds, one page after the other, unless less of it is enough. */
export async function readPages<Item>(
  read: (after: string | null) => Promise<Page<Item>>,
  isEnough: (items: readonly Item[]) => boolean = () => false,
): Promise<Item[]> {
  const items: Item[] = [];
  for (let after: string | null = null, hasMore = true; hasMore && !isEnough(items); ) {
    const page: Page<Item> = await read(after);
    items.push(...page.nodes);
    after = page.pageInfo.endCursor;
    hasMore = page.pageInfo.hasNextPage;
  }
  return items;
}
