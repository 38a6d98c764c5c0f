import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { type FoundBlender, findBlender } from '../../worker/find-blender.ts';
import { CommandFailure } from '../command-failure.ts';
import { splitList } from '../worker-options.ts';

/** What decides how Blender gets onto a machine. */
export interface Machine {
  readonly platform: NodeJS.Platform;
  readonly isRoot: boolean;
  /** `ID` and `ID_LIKE` of /etc/os-release; empty elsewhere. */
  readonly distributions: readonly string[];
}

export interface Installation {
  /** For a person to type. */
  readonly command: string;
  /** Whether the demo may run it itself. */
  readonly isAutomatic: boolean;
}

// biome-ignore format: one family per line
const PACKAGE_COMMANDS: Readonly<Record<string, string>> = {
  debian: 'apt-get install blender',
  ubuntu: 'apt-get install blender',
  fedora: 'dnf install blender',
  rhel:   'dnf install blender',
  arch:   'pacman -S blender',
  suse:   'zypper install blender',
  alpine: 'apk add blender',
};

/** The one command that installs Blender here. */
export function planInstallation({ platform, isRoot, distributions }: Machine): Installation {
  if (platform === 'darwin') return { command: 'brew install --cask blender', isAutomatic: false };
  if (platform === 'win32') return { command: 'winget install BlenderFoundation.Blender', isAutomatic: false };
  const known = distributions.find((name) => name in PACKAGE_COMMANDS);
  const command = known === undefined ? 'snap install blender --classic' : PACKAGE_COMMANDS[known]!;
  const isDebian = command.startsWith('apt-get');
  return { command: isRoot ? command : `sudo ${command}`, isAutomatic: isRoot && isDebian };
}

/**
 * Finds Blender, and as root on Debian or Ubuntu installs the distribution's package when there is none.
 *
 * @param say gets whole lines for people
 * @throws CommandFailure with the command that installs it
 */
export async function provideBlender(
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<FoundBlender & { readonly program: string }> {
  const found = await findBlender(splitList(process.env.TABLAO_BLENDER ?? '')[0]);
  if (found.program !== undefined) return found;
  const { command, isAutomatic } = planInstallation(await describeMachine());
  // Somebody who names a Blender wants that one.
  if (process.env.TABLAO_BLENDER || !isAutomatic) {
    const remedy = process.env.TABLAO_BLENDER ? 'set TABLAO_BLENDER to another' : `install it with "${command}"`;
    throw new CommandFailure(
      `The demo renders with Blender, and ${found.missing}: ${remedy}, then start the demo again.`,
    );
  }
  say(`Blender is missing. Installing the distribution's package with "${command}"; this can take some minutes.`);
  // The lists of packages of a fresh machine are empty or old; without the recommended ones it is half as much.
  await runAsRoot(['update', '--quiet'], signal);
  await runAsRoot(['install', '--yes', '--quiet', '--no-install-recommends', 'blender'], signal);
  const installed = await findBlender();
  if (installed.program === undefined) throw new CommandFailure(`Blender was installed, but ${installed.missing}.`);
  return installed;
}

/** What this one is. */
export async function describeMachine(): Promise<Machine> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const read = (key: string) => new RegExp(`^${key}="?([^"\n]*)`, 'm').exec(text)?.[1]?.split(' ') ?? [];
  return {
    platform: process.platform,
    isRoot: process.getuid?.() === 0,
    distributions: [...read('ID'), ...read('ID_LIKE')].filter((name) => name !== ''),
  };
}

/** apt-get says on stderr what it does: stdout is the demo's own. */
function runAsRoot(args: readonly string[], signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('apt-get', args, {
      stdio: ['ignore', 2, 2],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      signal,
    });
    child.once('error', reject);
    child.once('exit', (code) => {
      if (code === 0) resolve();
      else reject(new CommandFailure(`"apt-get ${args.join(' ')}" failed with exit code ${code}; see above.`));
    });
  });
}
