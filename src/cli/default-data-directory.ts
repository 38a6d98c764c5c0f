import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Where the gateway keeps its database and its worker's state unless it is told. As root not at home: PostgreSQL refuses
 * to run as root, and its user may not enter /root.
 */
export function defaultDataDirectory(
  environment = process.env,
  platform = process.platform,
  isRoot = process.getuid?.() === 0,
): string {
  if (platform === 'win32') return join(environment.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'Tablao');
  if (isRoot) return '/var/lib/tablao';
  if (platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'Tablao');
  return join(environment.XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'tablao');
}
