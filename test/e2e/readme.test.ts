import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeTestFolder } from '../support/blender.ts';
import { blockOutside, launchChromium } from '../support/browser.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { type Program, startWorkerProcess } from '../support/worker-process.ts';

/*
 * The README's first steps, as a reader takes them: its own operations, in GraphiQL, in a real browser, without any
 * address outside.
 */

const README = readFileSync(resolve(import.meta.dirname, '../../README.md'), 'utf8');
/** A browser on a busy machine takes its time. */
const PATIENCE = { timeout: 30_000 };

/** The first operation below a heading. */
function readOperation(heading: string): string {
  const section = README.slice(README.indexOf(`\n### ${heading}\n`));
  const operation = /```graphql\n([\s\S]*?)```/.exec(section)?.[1];
  if (!section || !operation) throw new Error(`The README has no operation below "${heading}".`);
  return operation;
}

let browser: Browser;
let context: BrowserContext;
let gateway: TestGateway;
let worker: Program;
let folder: { path: string; remove(): Promise<void> };
let outside: readonly string[];

beforeAll(async () => {
  folder = await makeTestFolder('readme');
  gateway = await startTestGateway();
  worker = startWorkerProcess(gateway.url, folder.path, 'worker', ['--task-types', 'misc']);
  browser = await launchChromium();
  context = await browser.newContext({ viewport: { width: 1400, height: 860 } });
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  outside = await blockOutside(context, gateway.url);
});
afterAll(async () => {
  await browser?.close();
  await worker?.kill();
  await gateway?.close();
  await folder?.remove();
});

/** GraphiQL with one operation pasted into its editor, and executed. */
async function execute(query: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${gateway.url}/graphql`);
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

const result = async (page: Page) =>
  ((await page.getByRole('region', { name: 'Result Window' }).textContent()) ?? '').replaceAll(/\s/g, '');

it("runs the README's subscription, mutation and query in GraphiQL, and shows each status as the job passes it", {
  timeout: 120_000,
}, async () => {
  const seen: string[] = [];
  context.on('page', (page) =>
    page.on('websocket', (socket) =>
      socket.on('framereceived', ({ payload }) => {
        for (const [, from, to] of String(payload).matchAll(/"jobFrom":("\w+"|null),"jobTo":"(\w+)"/g))
          seen.push(`${from!.replaceAll('"', '')} → ${to}`);
      }),
    ),
  );
  const watching = await execute(readOperation('A subscription'));
  await expect.poll(() => result(watching), PATIENCE).toContain('"caughtUp":true');

  const submitting = await execute(readOperation('A mutation'));
  await expect.poll(() => result(submitting), PATIENCE).toContain('"name":"firstjob"');

  await expect
    .poll(() => seen, PATIENCE)
    .toEqual(['null → UNDER_CONSTRUCTION', 'UNDER_CONSTRUCTION → QUEUED', 'QUEUED → ACTIVE', 'ACTIVE → COMPLETED']);
  await expect.poll(() => result(watching), PATIENCE).toContain('"jobTo":"COMPLETED"');

  const asking = await execute(readOperation('A query'));
  await expect.poll(() => result(asking), PATIENCE).toContain('"status":"COMPLETED"');
  expect(await result(asking)).toContain('"taskCounts":{"total":3,"completed":3,"failed":0}');
  expect(outside).toEqual([]);
});
