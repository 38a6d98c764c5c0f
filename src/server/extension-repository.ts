import { createHash } from 'node:crypto';
import { refuse } from './errors.ts';
import { buildExtensionArchive, type ExtensionArchive } from './extension-archive.ts';
import { renderExtensionPage } from './extension-page.ts';
import type { Route } from './routes.ts';

const PAGE_PATH = '/blender/';
const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
const LISTING_PATH = '/blender/index.json';

/**
 * The gateway as a repository of Blender extensions: its add-on, of its own version. Everybody gets it, also who has no
 * token yet or a wrong one: it is free software, and holds nothing of this farm.
 * https://docs.blender.org/manual/en/latest/advanced/extensions/creating_repository/static_repository.html
 * @param build made at the first request, and then kept
 */
export function extensionRoutes(build: () => ExtensionArchive = buildExtensionArchive): Route[] {
  let built: ExtensionArchive | undefined;
  const archive = () => {
    built ??= build();
    return built;
  };
  return [
    {
      path: '/blender',
      methods: ['GET'],
      answer: () => new Response(null, { status: 308, headers: { Location: PAGE_PATH } }),
    },
    {
      path: PAGE_PATH,
      methods: ['GET'],
      answer: (request) =>
        answerFile(request, Buffer.from(renderExtensionPage(archive())), {
          'Content-Type': 'text/html; charset=utf-8',
          'Content-Security-Policy': PAGE_POLICY,
        }),
    },
    {
      path: LISTING_PATH,
      methods: ['GET'],
      answer: (request) => {
        const listing = { version: 'v1', blocklist: [], data: [archive().listing] };
        return answerFile(request, Buffer.from(JSON.stringify(listing, null, 2)), {
          'Content-Type': 'application/json',
        });
      },
    },
    {
      path: '/blender/tablao-VERSION.zip',
      methods: ['GET'],
      answer: (request, { parameters }) => {
        const { version, fileName, bytes } = archive();
        if (parameters.VERSION !== version) {
          const message = `This gateway has version ${version} of its add-on, not ${parameters.VERSION}: see ${LISTING_PATH}.`;
          return refuse('NOT_FOUND', message);
        }
        return answerFile(request, bytes, {
          'Content-Type': 'application/zip',
          'Content-Disposition': `attachment; filename="${fileName}"`,
        });
      },
    },
  ];
}

/** Kept by whoever asks, and asked about each time: in a clone the same version can have new bytes. */
function answerFile(request: Request, bytes: Uint8Array<ArrayBuffer>, headers: Record<string, string>): Response {
  const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
  const all = { ...headers, ETag: etag, 'Cache-Control': 'no-cache', 'Content-Length': String(bytes.length) };
  if (!request.headers.get('if-none-match')?.includes(etag)) return new Response(bytes, { headers: all });
  return new Response(null, { status: 304, headers: { ETag: etag, 'Cache-Control': 'no-cache' } });
}
