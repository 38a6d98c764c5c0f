import { dirname } from 'node:path';

/** The scripts of package.json that run this program. */
const SCRIPTS = ['start', 'tablao', 'demo'];

/**
 * npm runs a package's scripts in the package's folder. Whoever types `npm run tablao -- submit shot.blend` means the
 * folder that they are in.
 *
 * @returns it, when npm runs one of this program's own scripts; a script of another package may have changed the folder on purpose
 */
export function findCallersFolder(environment = process.env, folder = process.cwd()): string | undefined {
  const { npm_lifecycle_event: script, npm_package_json: manifest, npm_package_name: name, INIT_CWD } = environment;
  const isOwn = name === 'tablao' && script !== undefined && SCRIPTS.includes(script);
  return isOwn && manifest !== undefined && dirname(manifest) === folder ? INIT_CWD : undefined;
}
