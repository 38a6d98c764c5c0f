import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { zipSync } from 'fflate';
import { parse as parseToml } from 'smol-toml';
import { z } from 'zod';

/** The add-on's sources. Works from `src` and from the compiled `dist`: both lie beside `blender-addon`. */
export const ADDON_FOLDER = resolve(import.meta.dirname, '../../blender-addon/tablao');

/** What every extension's manifest has; the rest of it is passed on as it is. */
const Manifest = z.looseObject({
  schema_version: z.string(),
  id: z.string(),
  version: z.string(),
  name: z.string(),
  tagline: z.string(),
  maintainer: z.string(),
  type: z.literal('add-on'),
  blender_version_min: z.string(),
  license: z.array(z.string()),
});

/** An extension as Blender installs it. */
export interface ExtensionArchive {
  readonly version: string;
  /** `ID-VERSION.zip` */
  readonly fileName: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Its entry in a repository's listing: the manifest, and where the archive is, relative to the listing. */
  readonly listing: Readonly<Record<string, unknown>>;
}

/**
 * Packs an add-on's folder. The same files give the same bytes, on every machine: whoever has a version has the same archive.
 * @throws when its manifest is none
 */
export function buildExtensionArchive(folder: string = ADDON_FOLDER): ExtensionArchive {
  const manifest = Manifest.parse(parseToml(readFileSync(join(folder, 'blender_manifest.toml'), 'utf8')));
  // In a folder of its own: Blender before 4.2 unpacks archives as they are.
  const entries = listFiles(folder).map((file) => [`${basename(folder)}/${file}`, readFileSync(join(folder, file))]);
  // Local, as in the archive. Zip knows no time before this.
  const mtime = new Date(1980, 0, 1);
  const bytes = zipSync(Object.fromEntries(entries), { mtime, level: 9 });
  const fileName = `${manifest.id}-${manifest.version}.zip`;
  return {
    version: manifest.version,
    fileName,
    bytes,
    listing: {
      ...manifest,
      archive_url: `./${fileName}`,
      archive_size: bytes.length,
      archive_hash: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
    },
  };
}

function listFiles(folder: string): string[] {
  return globSync('**/*', { cwd: folder, withFileTypes: true, exclude: (entry) => isLeftOut(entry.name) })
    .filter((entry) => entry.isFile() && !isLeftOut(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .map((file) => file.replaceAll('\\', '/'))
    .sort();
}

/** What Python and editors leave behind. */
function isLeftOut(name: string): boolean {
  return name.startsWith('.') || name === '__pycache__' || name.endsWith('.pyc');
}
