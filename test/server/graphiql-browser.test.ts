import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { blockOutside, launchChromium } from '../support/browser.ts';
import { startServer } from '../support/server.ts';
import { Sample } from './sample-schema.ts';

const EXAMPLES = [
  { query: 'query Greet($name: String!) {\n  hello(name: $name)\n}', variables: '{ "name": "Tablao" }' },
  { query: 'subscription Follow {\n  ticks\n}' },
  { query: 'mutation Echo {\n  echo(text: "four")\n}' },
];

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
});

async function openGraphiql(
  url: string,
): Promise<{ page: Page; outside: readonly string[]; webSockets: string[]; errors: string[] }> {
  const context = await browser.newContext({ viewport: { width: 1400, height: 800 } });
  const outside = await blockOutside(context, url);
  const page = await context.newPage();
  const webSockets: string[] = [];
  const errors: string[] = [];
  page.on('websocket', (socket) => webSockets.push(socket.url()));
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  await page.goto(`${url}/graphql`);
  await page.getByRole('button', { name: 'Execute query' }).waitFor();
  return { page, outside, webSockets, errors };
}

function readResponse(page: Page): Promise<string> {
  return page.getByRole('region', { name: /response|result/i }).innerText();
}

it('runs a query and a subscription over WebSocket in the real browser, without the outside', async () => {
  const sample = new Sample();
  const { url } = await startServer({ ...sample, exampleOperations: EXAMPLES });
  const { page, outside, webSockets, errors } = await openGraphiql(url);
  expect(await page.title()).toBe('Tablao');

  await page.getByRole('button', { name: 'Execute query' }).click();
  await page.screenshot({ path: '/tmp/graphiql-1.png' });
  console.log(await page.content().then((c) => c.length), errors, outside, webSockets);
});
