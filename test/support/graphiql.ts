import type { BrowserContext, Page } from 'playwright-core';
import { expect } from 'vitest';

/** A browser on a busy machine takes its time. */
export const PATIENCE = { timeout: 30_000 };

/** GraphiQL of a gateway with one operation pasted into its editor, and executed. The context may use the clipboard. */
export async function execute(context: BrowserContext, url: string, query: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${url}/graphql`);
  const editor = page.locator('.graphiql-editor').first();
  const name = query.trim().split(/[\s(]/)[1];
  await page.getByRole('button', { name: 'Execute query' }).waitFor();
  await expect
    .poll(async () => {
      await editor.locator('.view-lines').click();
      await page.keyboard.press('Control+A');
      await page.evaluate(copy, query);
      await page.keyboard.press('Control+V');
      return await editor.locator('.view-lines').textContent();
    }, PATIENCE)
    .toContain(name);
  // It reads what was pasted after a moment; until then it would execute what was there before.
  await expect.poll(() => page.evaluate(currentOperation), PATIENCE).toBe(name);
  await page.getByRole('button', { name: 'Execute query' }).click();
  return page;
}

/** What GraphiQL shows as the answer, without blanks. */
export async function readResult(page: Page): Promise<string> {
  const text = await page.getByRole('region', { name: 'Result Window' }).textContent();
  return (text ?? '').replaceAll(/\s/g, '');
}

/** Runs in GraphiQL's page. */
function copy(text: string): Promise<void> {
  const { navigator } = globalThis as unknown as {
    navigator: { clipboard: { writeText(text: string): Promise<void> } };
  };
  return navigator.clipboard.writeText(text);
}

/** Runs in GraphiQL's page. */
function currentOperation(): string | null {
  const { localStorage } = globalThis as unknown as { localStorage: { getItem(key: string): string | null } };
  const { tabs, activeTabIndex } = JSON.parse(localStorage.getItem('graphiql:tabState') ?? '{}');
  return tabs?.[activeTabIndex]?.operationName ?? null;
}
