import { accessSync, constants } from 'node:fs';
import { type Browser, type BrowserContext, chromium } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/snap/bin/chromium'];

// biome-ignore format: one a line
const FLAGS = [
  '--headless',
  '--no-sandbox', // the sandbox does not start for root
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/**
 * Starts the real browser. Close it when done.
 * @throws where none is installed: a test that needs one must fail then, not be skipped
 */
export async function launchChromium(): Promise<Browser> {
  return await chromium.launch({ executablePath: findChromium(), args: FLAGS });
}

function findChromium(): string {
  const { CHROMIUM } = process.env;
  const found = (CHROMIUM ? [CHROMIUM] : PLACES).find(isExecutable);
  if (found) return found;
  throw new Error(
    `This test needs Chromium, and there is none at ${CHROMIUM ?? PLACES.join(', ')}: ` +
      'apt-get install chromium, or name its program in the environment variable CHROMIUM.',
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Cuts the browser off from everything but one server.
 * @returns the addresses that it asked for nevertheless
 */
export async function blockOutside(context: BrowserContext, origin: string): Promise<readonly string[]> {
  const outside: string[] = [];
  await context.route('**/*', async (route) => {
    const url = route.request().url();
    if (new URL(url).origin === origin) return await route.continue();
    outside.push(url);
    await route.abort();
  });
  return outside;
}
