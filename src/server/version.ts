import { readFileSync } from 'node:fs';

/** The program's version, from its package. Works from `src` and from the compiled `dist`: both lie beside package.json. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
).version;
