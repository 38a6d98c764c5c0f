import { createHash } from 'node:crypto';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createTestApp } from '../support/server.ts';
import { Sample } from './sample-schema.ts';

const URL = 'http://127.0.0.1:4000/graphql';
const EXAMPLES = [{ query: '# The first example\nquery Greet { hello }' }];

const { app } = createTestApp({ ...new Sample(), exampleOperations: EXAMPLES });

function load(headers: Record<string, string> = {}): Promise<Response> {
  return app.fetch(URL, { headers: { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8', ...headers } });
}

async function hashOf(response: Response): Promise<string> {
  const body = Buffer.from(await response.arrayBuffer());
  const encoding = response.headers.get('content-encoding');
  const html = encoding === 'br' ? brotliDecompressSync(body) : encoding === 'gzip' ? gunzipSync(body) : body;
  return createHash('sha256').update(html).digest('hex');
}

describe('the GraphiQL page', () => {
  it('is the same in every encoding, and small in those that compress', async () => {
    const plain = await load();
    const compressed = [
      await load({ 'Accept-Encoding': 'gzip, deflate, br, zstd' }),
      await load({ 'Accept-Encoding': 'gzip, deflate' }),
    ];
    expect(compressed.map(({ headers }) => headers.get('content-encoding'))).toEqual(['br', 'gzip']);
    const sizes = await Promise.all(
      compressed.map(async (response) => (await response.clone().arrayBuffer()).byteLength),
    );
    for (const size of sizes) expect(size).toBeLessThan(3 * 2 ** 20);
    const hash = await hashOf(plain);
    for (const response of compressed) expect(await hashOf(response)).toBe(hash);
  });

  it.each(['gzip;q=0, br;q=0', 'identity', '', 'brotli'])('is sent as it is to who accepts "%s"', async (encoding) => {
    expect((await load({ 'Accept-Encoding': encoding })).headers.get('content-encoding')).toBeNull();
  });

  it('is kept by browsers and asked about each time', async () => {
    const { headers } = await load({ 'Accept-Encoding': 'gzip' });
    const etag = headers.get('etag')!;
    expect(headers.get('cache-control')).toBe('no-cache');
    expect(headers.get('vary')).toBe('Accept, Accept-Encoding');
    const again = await load({ 'Accept-Encoding': 'gzip', 'If-None-Match': `"other", W/${etag}` });
    expect([again.status, await again.text()]).toEqual([304, '']);
    expect((await load({ 'Accept-Encoding': 'br', 'If-None-Match': etag })).status).toBe(200);
  });

  it('is titled Tablao, brings its examples, and may fetch nothing from elsewhere', async () => {
    const response = await load();
    const html = await response.text();
    expect(html).toContain('<title>Tablao</title>');
    expect(html).toContain(JSON.stringify(EXAMPLES[0]!.query));
    expect(response.headers.get('content-security-policy')).toMatch(
      /default-src 'none';.*connect-src 'self';.*frame-ancestors 'none'/,
    );
  });

  it('is not what a program gets', async () => {
    expect((await app.fetch(URL)).status).toBe(405);
  });
});
