import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeTestFolder } from '../support/blender.ts';
import { blockOutside, launchChromium } from '../support/browser.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { execute, PATIENCE, readResult } from '../support/graphiql.ts';
import { readBlock } from '../support/readme.ts';
import { type Program, startWorkerProcess } from '../support/worker-process.ts';

/*
 * The README's first steps, as a reader takes them: its own operations, in GraphiQL, in a real browser, without any
 * address outside.
 */

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
  const watching = await execute(context, gateway.url, readBlock('A subscription', 'graphql'));
  await expect.poll(() => readResult(watching), PATIENCE).toContain('"caughtUp":true');

  const submitting = await execute(context, gateway.url, readBlock('A mutation', 'graphql'));
  await expect.poll(() => readResult(submitting), PATIENCE).toContain('"name":"firstjob"');

  await expect
    .poll(() => seen, PATIENCE)
    .toEqual(['null → UNDER_CONSTRUCTION', 'UNDER_CONSTRUCTION → QUEUED', 'QUEUED → ACTIVE', 'ACTIVE → COMPLETED']);
  await expect.poll(() => readResult(watching), PATIENCE).toContain('"jobTo":"COMPLETED"');

  const asking = await execute(context, gateway.url, readBlock('A query', 'graphql'));
  await expect.poll(() => readResult(asking), PATIENCE).toContain('"status":"COMPLETED"');
  expect(await readResult(asking)).toContain('"taskCounts":{"total":3,"completed":3,"failed":0}');
  expect(outside).toEqual([]);
});
