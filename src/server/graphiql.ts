import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, constants, gunzip, gzip } from 'node:zlib';

export interface ExampleOperation {
  /** Needs no variables: GraphiQL forgets those of the tab that it opens with. */
  readonly query: string;
}

type Encoding = 'br' | 'gzip' | 'identity';

interface Page {
  readonly hash: string;
  readonly bodies: Readonly<Record<Exclude<Encoding, 'identity'>, Buffer>>;
}

/** Everything is in the page itself; should a later version of it want more, the browser must not fetch it. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'unsafe-inline' blob:",
  'worker-src blob:',
  "style-src 'unsafe-inline'",
  'img-src data:',
  'font-src data:',
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * Makes the function that serves GraphiQL. The page is made at its first use: it is 9 MB.
 * @param examples one tab each
 */
export function createGraphiqlPage(examples: readonly ExampleOperation[]): (request: Request) => Promise<Response> {
  let page: Promise<Page> | undefined;

  return async (request) => {
    page ??= buildPage(examples);
    const { hash, bodies } = await page;
    const encoding = chooseEncoding(request.headers.get('accept-encoding'));
    const etag = `"${hash}-${encoding}"`;
    const headers: Record<string, string> = {
      ETag: etag,
      'Cache-Control': 'no-cache', // kept, and asked about each time: 304
      Vary: 'Accept, Accept-Encoding',
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': PAGE_POLICY,
    };
    if (request.headers.get('if-none-match')?.includes(etag)) return new Response(null, { status: 304, headers });
    if (encoding === 'identity') return new Response(await promisify(gunzip)(bodies.gzip), { headers });
    return new Response(new Uint8Array(bodies[encoding]), { headers: { ...headers, 'Content-Encoding': encoding } });
  };
}

async function buildPage(examples: readonly ExampleOperation[]): Promise<Page> {
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
  const html = renderGraphiQL({
    title: 'Tablao',
    subscriptionsProtocol: 'WS',
    defaultTabs: examples.length > 0 ? examples.map(({ query }) => ({ query })) : undefined, // none breaks the page
  });
  const [br, gz] = await Promise.all([
    // Quality 5 takes as long as gzip and saves a fifth more; 11 takes a hundred times as long.
    promisify(brotliCompress)(html, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }),
    promisify(gzip)(html),
  ]);
  return { hash: createHash('sha256').update(html).digest('base64url').slice(0, 22), bodies: { br, gzip: gz } };
}

function chooseEncoding(accepted: string | null): Encoding {
  const offers = (accepted ?? '').split(',').map((offer) => offer.trim().toLowerCase());
  const takes = (name: string) =>
    offers.some((offer) => offer === name || new RegExp(`^${name};q=(?!0(\\.0*)?$)`).test(offer));
  if (takes('br')) return 'br';
  return takes('gzip') ? 'gzip' : 'identity';
}
