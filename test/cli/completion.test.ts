import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMAND_NAMES } from '../../src/cli/program.ts';
import { JOB_STATUS_NAMES } from '../../src/domain/job-status.ts';
import { makeTestFolder } from '../support/blender.ts';
import { runCommand } from '../support/command-line.ts';

/*
 * The scripts in the shells that they are for (Debian: apt-get install zsh fish): what these offer at the end of a line.
 */

let folder: { path: string; remove(): Promise<void> };
beforeAll(async () => {
  folder = await makeTestFolder('completion');
  await mkdir(join(folder.path, 'shots'));
  await writeFile(join(folder.path, 'scene.blend'), '');
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { stdout, stderr, exitCode } = await runCommand(['completion', shell]);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    await writeFile(join(folder.path, `tablao.${shell}`), stdout);
  }
});
afterAll(async () => {
  await folder.remove();
});

async function run(program: string, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { cwd: folder.path, timeout: 20_000 });
  return stdout;
}

/** The completion's own words; where there are none, bash adds files by itself. */
async function askBash(line: string): Promise<string[]> {
  const words = line.split(' ').map((word) => `'${word}'`);
  const script = `set -u; source tablao.bash; COMP_WORDS=(${words.join(' ')}); COMP_CWORD=${words.length - 1}; _tablao
    printf '%s\\n' "\${COMPREPLY[@]-}"`;
  return (await run('bash', ['--norc', '-c', script])).split('\n').filter((word) => word !== '');
}

/** zsh completes only for somebody who types: so somebody types into a terminal of its own, and lists what there is. */
async function askZsh(line: string): Promise<string[]> {
  const script = `
    zmodload zsh/zpty
    zpty shell zsh -f -i
    () {
      zpty -w shell "PS1=; autoload -Uz compinit && compinit -u -D && source tablao.zsh"
      # Matches go to a file instead of the screen.
      zpty -w shell 'compadd() { local -a found; builtin compadd -O found "$@"; print -rl -- $found >> offered; builtin compadd "$@" }'
      zpty -w shell 'done-with-it() { print > finished }; zle -N done-with-it; bindkey "^X" done-with-it; print > ready'
      repeat 400 { [[ -e ready ]] && break; sleep 0.02 }
      zpty -w -n shell $'${line}\\t\\C-x'
      repeat 400 { [[ -e finished ]] && break; sleep 0.02 }
      zpty -d shell
    }
    cat offered 2>/dev/null; rm -f offered finished ready`;
  return [...new Set((await run('zsh', ['-f', '-c', script])).split('\n').filter((word) => word !== ''))];
}

async function askFish(line: string): Promise<string[]> {
  const output = await run('fish', ['--no-config', '-c', `source tablao.fish; complete -C '${line}'`]);
  return output
    .split('\n')
    .filter((word) => word !== '')
    .map((word) => word.split('\t')[0]!);
}

describe.each([
  { shell: 'bash', ask: askBash },
  { shell: 'zsh', ask: askZsh },
  { shell: 'fish', ask: askFish },
])('in $shell the Tab key', ({ shell, ask }) => {
  it('offers every command', async () => {
    expect(await ask('tablao ')).toEqual(expect.arrayContaining(COMMAND_NAMES));
    expect(await ask('tablao wo')).toEqual(expect.arrayContaining(['worker', 'workers']));
    expect(await ask('tablao wo')).not.toContain('submit');
  });

  it("offers a command's options, and no other's", async () => {
    const offered = await ask('tablao submit --');
    expect(offered).toEqual(expect.arrayContaining(['--frames', '--dry-run', '--gateway', '--json']));
    expect(offered).not.toContain('--follow');
    expect(await ask('tablao --json logs --f')).toEqual(['--follow']);
  });

  it('offers the values of an option, and the words of an argument', async () => {
    expect((await ask('tablao jobs --status ')).sort()).toEqual([...JOB_STATUS_NAMES].sort());
    expect(await ask('tablao serve --log-level w')).toEqual(['warn']);
    expect((await ask('tablao completion ')).sort()).toEqual(['bash', 'fish', 'zsh']);
  });

  it('offers files where a file is meant, and nothing where only the user knows', async () => {
    if (shell === 'bash') {
      // These come from bash itself, as the last line of the script asks for.
      expect(await ask('tablao submit ')).toEqual([]);
      expect(await ask('tablao submit --root ')).toEqual([]);
      return;
    }
    expect(await ask('tablao submit s')).toEqual(expect.arrayContaining(['scene.blend']));
    expect((await ask('tablao --token-file s')).join(' ')).toContain('scene.blend');
    expect(await ask('tablao submit --name s')).toEqual([]);
  });
});
