import { expect, it } from 'vitest';
import type { Caller } from '../../src/server/caller.ts';
import { createRouter, type Route } from '../../src/server/routes.ts';

const CALLER: Caller = { authorization: null, remoteAddress: null, signal: new AbortController().signal };

function routeTo(path: string): Route {
  return { path, methods: ['GET'], answer: (_, { parameters }) => Response.json({ path, parameters }) };
}

async function ask(paths: string[], pathname: string): Promise<unknown> {
  const answer = createRouter(paths.map(routeTo))('GET', pathname);
  return await (await answer(new Request('http://127.0.0.1/'), CALLER)).json();
}

it.each([
  ['/logs/ATTEMPT', '/logs/a1', { ATTEMPT: 'a1' }],
  ['/logs/ATTEMPT', '/logs/a%201', { ATTEMPT: 'a 1' }],
  ['/frames/JOB/FRAME.jpg', '/frames/j/12.jpg', { JOB: 'j', FRAME: '12' }],
  ['/blender/tablao-VERSION.zip', '/blender/tablao-1.2.3.zip', { VERSION: '1.2.3' }],
  ['/metrics', '/metrics', {}],
])('%s answers %s', async (path, pathname, parameters) => {
  expect(await ask([path], pathname)).toEqual({ path, parameters });
});

it.each([
  ['/logs/ATTEMPT', '/logs/'],
  ['/logs/ATTEMPT', '/logs/a/b'],
  ['/logs/ATTEMPT', '/logs/%zz'],
  ['/frames/JOB/FRAME.jpg', '/frames/j/12xjpg'],
  ['/metrics', '/metrics/'],
])('%s does not answer %s', async (path, pathname) => {
  expect(await ask([path], pathname)).toMatchObject({ errors: [{ extensions: { code: 'NOT_FOUND' } }] });
});

it('asks the first that fits', async () => {
  const paths = ['/frames/JOB/latest.jpg', '/frames/JOB/FRAME.jpg'];
  expect(await ask(paths, '/frames/j/latest.jpg')).toEqual({ path: paths[0], parameters: { JOB: 'j' } });
});
