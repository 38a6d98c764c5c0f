import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { askProgram } from '../../../src/worker/ask-program.ts';
import { findProcessesIn } from '../../support/processes.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tablao-ask-'));
});
afterEach(async () => {
  expect(await findProcessesIn(folder)).toEqual([]);
  await rm(folder, { recursive: true });
});

async function makeProgram(script: string): Promise<string> {
  const path = join(folder, 'program');
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}
const MINUTE = 60_000;

describe('a program that is asked', () => {
  it('answers with what it printed', async () => {
    const program = await makeProgram('echo "Blender $1"; echo noise >&2');
    expect(await askProgram(program, ['3.4.1'], MINUTE)).toBe('Blender 3.4.1\n');
  });

  it('is not waited for by what it leaves running, which ends with it', async () => {
    const program = await makeProgram(`sh -c 'sleep 600; : ${folder}' & echo $! > ${folder}/left; echo done`);
    expect(await askProgram(program, [], MINUTE)).toBe('done\n');
    const left = Number(await readFile(join(folder, 'left'), 'utf8'));
    expect(await findProcessesIn(folder)).not.toContain(left);
  });

  it('is ended when it takes too long', async () => {
    const program = await makeProgram('sleep 600');
    await expect(askProgram(program, [], 100)).rejects.toThrow('it did not answer within 0.1 s');
  });

  it('says why it failed', async () => {
    const program = await makeProgram('echo "no license" >&2; exit 3');
    await expect(askProgram(program, [], MINUTE)).rejects.toThrow('it ended with exit code 3: no license');
    await expect(askProgram(join(folder, 'missing'), [], MINUTE)).rejects.toThrow('ENOENT');
  });
});
