import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADDON_FOLDER, buildExtensionArchive } from '../../src/server/extension-archive.ts';
import { extensionRoutes } from '../../src/server/extension-repository.ts';
import { VERSION } from '../../src/server/version.ts';
import { makeTestFolder } from '../support/blender.ts';
import { createTestApp } from '../support/server.ts';
import { Sample } from './sample-schema.ts';

const GATEWAY = 'http://127.0.0.1:4000';
const LISTING = `${GATEWAY}/blender/index.json`;
const ARCHIVE = `${GATEWAY}/blender/tablao-${VERSION}.zip`;
const { app } = createTestApp({ ...new Sample(), routes: extensionRoutes() });

const bytesOf = async (response: Response) => new Uint8Array(await response.arrayBuffer());

describe('the repository', () => {
  it('lists the add-on in the version of the gateway, with the size and the hash of its archive', async () => {
    const listing = (await (await app.fetch(LISTING)).json()) as { data: Record<string, unknown>[] };
    expect(listing).toMatchObject({ version: 'v1', blocklist: [], data: [{ id: 'tablao', version: VERSION }] });
    const [entry = {}] = listing.data;
    const archive = await app.fetch(new URL(String(entry.archive_url), LISTING).href);
    expect(archive.headers.get('content-type')).toBe('application/zip');
    const bytes = await bytesOf(archive);
    expect(entry.archive_size).toBe(bytes.length);
    expect(entry.archive_hash).toBe(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
  });

  it('gives the listing to Blender, which adds to its address what it is', async () => {
    const response = await app.fetch(`${LISTING}?platform=linux-x64&blender_version=5.0.1`, {
      headers: { accept: 'application/json', authorization: 'Bearer a token that nobody has' },
    });
    expect(response.status).toBe(200);
  });

  it('has a page for people, from which the add-on can be dropped into Blender', async () => {
    const moved = await app.fetch(`${GATEWAY}/blender`);
    expect([moved.status, moved.headers.get('location')]).toEqual([308, '/blender/']);
    const html = await (await app.fetch(`${GATEWAY}/blender/`)).text();
    const links = [...html.matchAll(/href="(.*?)"/g)].map(
      ([, link = '']) => new URL(link.replaceAll('&amp;', '&'), LISTING),
    );
    expect(links.map(({ searchParams }) => searchParams.get('repository'))).toEqual(['./index.json', null, null]);
    for (const link of links) expect((await app.fetch(link.href)).status).toBe(200);
  });

  it.each([LISTING, ARCHIVE])('%s is kept, and asked about each time', async (url) => {
    const first = await app.fetch(url);
    expect(first.headers.get('cache-control')).toBe('no-cache');
    const again = await app.fetch(url, { headers: { 'if-none-match': first.headers.get('etag')! } });
    expect([again.status, await again.text()]).toEqual([304, '']);
  });

  it('names the version that it has to whoever asks for another', async () => {
    const response = await app.fetch(`${GATEWAY}/blender/tablao-99.0.0.zip`);
    expect(response.status).toBe(404);
    expect(await response.text()).toContain(`has version ${VERSION} of its add-on, not 99.0.0`);
  });

  it('is guarded as everything else is', async () => {
    const response = await app.fetch(ARCHIVE, { headers: { host: 'evil.example' } });
    expect(response.status).toBe(403);
  });
});

describe('the archive', () => {
  let folder: Awaited<ReturnType<typeof makeTestFolder>>;
  beforeAll(async () => {
    folder = await makeTestFolder('extension');
  });
  afterAll(() => folder.remove());

  it('holds the files of the add-on in a folder of its own, and nothing that Python or editors leave behind', () => {
    const copy = join(folder.path, 'tablao');
    mkdirSync(join(copy, 'deep', '__pycache__'), { recursive: true });
    cpSync(join(ADDON_FOLDER, 'blender_manifest.toml'), join(copy, 'blender_manifest.toml'));
    for (const file of ['__init__.py', 'old.pyc', '.hidden', 'deep/b.py', 'deep/__pycache__/b.cpython-311.pyc']) {
      writeFileSync(join(copy, file), file);
    }
    const files = unzipSync(buildExtensionArchive(copy).bytes);
    expect(Object.keys(files)).toEqual(['tablao/__init__.py', 'tablao/blender_manifest.toml', 'tablao/deep/b.py']);
    expect(Buffer.from(files['tablao/deep/b.py']!).toString()).toBe('deep/b.py');
  });

  it('is the same, whenever and wherever it is packed', () => {
    const copy = join(folder.path, 'other', 'tablao');
    cpSync(ADDON_FOLDER, copy, { recursive: true });
    utimesSync(join(copy, '__init__.py'), new Date(), new Date('2001-02-03'));
    const zone = process.env.TZ;
    try {
      process.env.TZ = 'Pacific/Kiritimati';
      expect(buildExtensionArchive(copy)).toEqual(buildExtensionArchive());
    } finally {
      if (zone === undefined) delete process.env.TZ;
      else process.env.TZ = zone;
    }
  });

  it('says the same version to every Blender: that of the gateway', () => {
    const legacy = /"version": \((.*?)\)/.exec(readFileSync(join(ADDON_FOLDER, '__init__.py'), 'utf8'))?.[1];
    expect(legacy?.split(', ').join('.')).toBe(VERSION);
    expect(buildExtensionArchive().version).toBe(VERSION);
  });
});
