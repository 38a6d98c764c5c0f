import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runBlender, runInBlender, type TestBlender } from './blenders.ts';

export interface InstalledAddon {
  /** What Blender calls it: its module, and the key of its preferences. */
  readonly module: string;
  /** Give it to every Blender that shall have the add-on. */
  readonly environment: { readonly BLENDER_USER_RESOURCES: string };
}

interface Listing {
  readonly data: readonly { readonly archive_url: string }[];
}

/**
 * Installs and enables the add-on as artists do: from the gateway's own repository, before 4.2 as a downloaded archive.
 * @param folder for Blender's preferences and add-ons; a script that runs with them needs `factory: false`
 */
export async function installAddon(blender: TestBlender, gateway: string, folder: string): Promise<InstalledAddon> {
  const environment = { BLENDER_USER_RESOURCES: join(folder, 'blender') };
  mkdirSync(environment.BLENDER_USER_RESOURCES, { recursive: true });
  const listing = `${gateway}/blender/index.json`;
  if (!hasExtensions(blender))
    return { module: await installLegacy(blender, listing, folder, environment), environment };
  for (const command of [
    ['repo-add', '--name', 'Farm', '--url', listing, '--clear-all', 'farm'],
    ['sync'],
    ['install', '--enable', 'tablao'],
  ]) {
    await runBlender(blender, ['--online-mode', '--command', 'extension', ...command], { environment });
  }
  return { module: 'bl_ext.farm.tablao', environment };
}

export function hasExtensions({ version }: TestBlender): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 4 || (major === 4 && minor >= 2);
}

async function installLegacy(
  blender: TestBlender,
  listingUrl: string,
  folder: string,
  environment: InstalledAddon['environment'],
): Promise<string> {
  const listing = (await (await fetch(listingUrl)).json()) as Listing;
  const archive = join(folder, 'downloaded.zip');
  const response = await fetch(new URL(listing.data[0]!.archive_url, listingUrl));
  writeFileSync(archive, Buffer.from(await response.arrayBuffer()));
  const script = `
import sys
import bpy
bpy.ops.preferences.addon_install(filepath=sys.argv[-1])
bpy.ops.preferences.addon_enable(module='tablao')
bpy.ops.wm.save_userpref()
`;
  await runInBlender(blender, script, { args: [archive], environment, factory: false });
  return 'tablao';
}
