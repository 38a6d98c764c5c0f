import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { blockOutside, launchChromium } from '../support/browser.ts';
import { startServer } from '../support/server.ts';
import { Sample } from './sample-schema.ts';

const EXAMPLES = [
  { query: 'query Greet {\n  hello(name: "Tablao")\n}' },
  { query: 'subscription Follow {\n  ticks\n}' },
  { query: 'mutation Echo {\n  echo(text: "four")\n}' },
];

/** A browser on a busy machine takes its time. */
const PATIENCE = { timeout: 10_000 };

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
});

interface Graphiql {
  readonly page: Page;
  /** Addresses that it asked for besides the gateway's. */
  readonly outside: readonly string[];
  readonly webSockets: readonly string[];
  /** What the browser's console shows in red. */
  readonly errors: readonly string[];
  /** Runs the example of that name; reads the answer with `result`. */
  run(example: string): Promise<void>;
  result(): Promise<string>;
}

async function openGraphiql(url: string): Promise<Graphiql> {
  const context = await browser.newContext({ viewport: { width: 1400, height: 800 } });
  const outside = await blockOutside(context, url);
  const page = await context.newPage();
  const webSockets: string[] = [];
  const errors: string[] = [];
  page.on('websocket', (socket) => webSockets.push(socket.url()));
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.goto(`${url}/graphql`);
  return {
    page,
    outside,
    webSockets,
    errors,
    async run(example) {
      await page.getByRole('tab', { name: example }).click();
      await page.waitForFunction(knowsOperation, example); // it reads the new tab's text only after a while
      await page.getByRole('button', { name: 'Execute query' }).click();
    },
    result: async () =>
      ((await page.getByRole('region', { name: 'Result Window' }).textContent()) ?? '').replaceAll(/\s/g, ''),
  };
}

/** Runs in GraphiQL's page. */
function knowsOperation(name: string): boolean {
  const { localStorage } = globalThis as unknown as { localStorage: { getItem(key: string): string | null } };
  const { tabs, activeTabIndex } = JSON.parse(localStorage.getItem('graphiql:tabState') ?? '{}');
  return tabs?.[activeTabIndex]?.operationName === name;
}

it('runs the examples in the real browser, subscriptions over WebSocket, and asks nobody else', async () => {
  const sample = new Sample();
  const { url } = await startServer({ ...sample, exampleOperations: EXAMPLES });
  const graphiql = await openGraphiql(url);
  expect(await graphiql.page.title()).toBe('Tablao');

  await graphiql.run('Greet');
  await expect.poll(graphiql.result, PATIENCE).toBe('{"data":{"hello":"HelloTablao"}}');
  await graphiql.run('Echo');
  await expect.poll(graphiql.result, PATIENCE).toBe('{"data":{"echo":4}}');
  expect(graphiql.webSockets).toEqual([]);

  await graphiql.run('Follow');
  await expect.poll(() => sample.open, PATIENCE).toBe(1);
  for (const value of [7, 8]) {
    sample.events.emit('tick', value);
    await expect.poll(graphiql.result, PATIENCE).toBe(`{"data":{"ticks":${value}}}`);
  }
  expect(graphiql.webSockets).toEqual([`${url.replace('http', 'ws')}/graphql`]);
  await graphiql.page.getByRole('button', { name: 'Stop query' }).click();
  await expect.poll(() => sample.open, PATIENCE).toBe(0);

  expect(graphiql.outside).toEqual([]);
  expect(graphiql.errors).toEqual([]);
});

it('shows the schema in its documentation', async () => {
  const { url } = await startServer({ ...new Sample(), exampleOperations: EXAMPLES });
  const { page } = await openGraphiql(url);
  await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
  await page.getByRole('link', { name: 'Subscription', exact: true }).click();
  await page.getByRole('link', { name: 'countTo', exact: true }).waitFor();
});

it('does not let another server of this machine use the gateway', async () => {
  const sample = new Sample();
  const { url } = await startServer(sample);
  const stranger = createServer((_, response) =>
    response.setHeader('Content-Type', 'text/html').end('<p>stranger</p>'),
  );
  await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(stranger.address() as AddressInfo).port}/`);
  const tries = await page.evaluate(tryEverything, url);
  expect(tries).toEqual({ json: 'refused', plain: 'refused', image: 'refused', webSocket: 'refused' });
  expect([sample.slowStarted, sample.greetings]).toEqual([0, 0]);
  await page.close();
  stranger.close();
});

/** Runs in the stranger's page. */
async function tryEverything(url: string): Promise<Record<string, string>> {
  const outcome = (promise: Promise<unknown>) =>
    promise.then(
      () => 'allowed',
      () => 'refused',
    );
  const post = (type: string) =>
    fetch(`${url}/graphql`, { method: 'POST', headers: { 'Content-Type': type }, body: '{"query":"mutation{slow}"}' });
  const { Image, WebSocket } = globalThis as unknown as {
    Image: new () => EventTarget & { src: string };
    WebSocket: new (url: string, protocol: string) => EventTarget;
  };
  const loads = (target: EventTarget, event: string) =>
    new Promise((resolve, reject) => {
      target.addEventListener(event, resolve);
      target.addEventListener('error', reject);
    });
  const image = new Image();
  const imageLoads = loads(image, 'load');
  image.src = `${url}/graphql?query={hello}`;
  const opens = loads(new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws'), 'open');
  const tries = { json: post('application/json'), plain: post('text/plain'), image: imageLoads, webSocket: opens };
  const outcomes = Object.entries(tries).map(async ([name, attempt]) => [name, await outcome(attempt)]);
  return Object.fromEntries(await Promise.all(outcomes));
}
