import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { findAllowedPrograms } from '../../src/worker/allowed-programs.ts';
import type { AttemptFailure } from '../../src/worker/attempt-failure.ts';
import { AttemptStopped } from '../../src/worker/attempts.ts';
import { exec } from '../../src/worker/commands/exec.ts';
import { makeTestFolder } from '../support/blender.ts';
import { type Bench, openBench } from '../support/command-context.ts';
import { findProcessesIn, until } from '../support/processes.ts';

let folder: { path: string; remove(): Promise<void> };
let bench: Bench;
beforeAll(async () => {
  folder = await makeTestFolder('exec');
  bench = await openBench(folder.path, { blenders: [] });
});
afterEach(async () => {
  expect(await findProcessesIn(folder.path)).toEqual([]);
  expect(await readdir(bench.state.attempts)).toEqual([]);
  expect(await readdir(bench.state.programs)).toEqual([]);
});
afterAll(async () => {
  await bench.close();
  await folder.remove();
});

/** `sh` under the name that tasks use: a real program that does whatever the test wants. */
const PROGRAMS = findAllowedPrograms(['shell=/bin/sh', 'node']);

function runShell(script: string, args: readonly unknown[] = [], changes: Parameters<Bench['context']>[0] = {}) {
  const context = bench.context({ programs: PROGRAMS, ...changes });
  const running = exec({ program: 'shell', arguments: ['-c', script, 'sh', ...args] }, context);
  return Object.assign(running, { log: context.log });
}

async function failureOf(promise: Promise<unknown>): Promise<AttemptFailure> {
  return await promise.then(
    () => expect.fail('it should have failed'),
    (error) => error,
  );
}

describe('exec', () => {
  it('runs an allowed program without a shell: no character of its arguments means anything', async () => {
    const words = ['a b', '$HOME', '"; touch /tmp/x', '*', "'", '\\', '', 'ü'];
    const running = runShell('for word; do printf "<%s>\\n" "$word"; done', words);
    expect(await running).toEqual([]);
    expect(running.log.tail()).toContain(words.map((word) => `<${word}>`).join('\n'));
  });

  it('gives it an empty folder of its own, which is gone afterwards, and no stdin', async () => {
    const running = runShell('pwd; ls -A; cat; echo end; touch rubbish');
    await running;
    const [where, end] = running.log.tail().split('\n').slice(-2);
    expect(where).toMatch(/\/\.tablao-\w+$/);
    expect(end).toBe('end');
    expect((await readdir(folder.path)).filter((name) => name !== 'state')).toEqual([]);
  });

  it('lets it see nothing of the environment but what programs need', async () => {
    process.env.TABLAO_SECRET = 'secret';
    const running = runShell('env');
    await running;
    delete process.env.TABLAO_SECRET;
    expect(running.log.tail()).toContain('PATH=');
    expect(running.log.tail()).not.toContain('secret');
  });

  it('puts its outputs into place when it has ended well, and reports them', async () => {
    const [a, b] = [join(folder.path, 'out', 'a.txt'), join(folder.path, 'other', 'b.txt')];
    await mkdir(join(folder.path, 'out'), { recursive: true });
    await writeFile(join(folder.path, 'in.txt'), 'text');
    const args = [{ path: join(folder.path, 'in.txt') }, { output: a }, { output: b }, { path: a }];
    const script = 'cat "$1" > "$2" && printf more > "$3" && test ! -e "$4"';
    expect(await runShell(script, args)).toEqual([
      { path: a, bytes: 4 },
      { path: b, bytes: 4 },
    ]);
    expect([await readFile(a, 'utf8'), await readFile(b, 'utf8')]).toEqual(['text', 'more']);
    expect(await readdir(join(folder.path, 'other'))).toEqual(['b.txt']);
  });

  it('fails with the exit code and the last lines, and puts nothing into place', async () => {
    const output = join(folder.path, 'failed', 'a.txt');
    const failure = await failureOf(runShell('printf half > "$1"; echo "no such codec" >&2; exit 7', [{ output }]));
    expect(failure).toMatchObject({ kind: 'EXIT_CODE', exitCode: 7 });
    expect(failure.message).toContain('/bin/sh" ended with exit code 7');
    expect(await readdir(join(folder.path, 'failed'))).toEqual([]);
  });

  it('fails when it ended well without an output, or with an empty one', async () => {
    for (const script of ['true', ': > "$1"']) {
      const failure = await failureOf(runShell(script, [{ output: join(folder.path, 'missing', 'a.txt') }]));
      expect(failure.message).toContain('did not write');
    }
  });

  it('fails when a signal ends it', async () => {
    expect((await failureOf(runShell('kill -9 $$'))).message).toContain('was ended by SIGKILL');
  });

  it('ends all that it started when the attempt is stopped, however it clings', async () => {
    const stop = new AbortController();
    const reason = new AttemptStopped('stop', undefined);
    const script = `trap '' TERM; (trap '' TERM; while :; do sleep 1; done) & echo "$!" > "${folder.path}/child"; while :; do sleep 1; done`;
    const output = join(folder.path, 'stopped', 'a.txt');
    const failure = failureOf(runShell(script, [{ output }], { signal: stop.signal }));
    await until(async () => (await readFile(join(folder.path, 'child'), 'utf8').catch(() => '')) !== '');
    const startedAt = performance.now();
    stop.abort(reason);
    expect(await failure).toBe(reason);
    expect(performance.now() - startedAt).toBeLessThan(2000);
    expect(await readdir(join(folder.path, 'stopped'))).toEqual([]);
  });

  it('ends what the program left running', async () => {
    const script = `(while :; do sleep 1; done) > /dev/null 2>&1 & echo "$!" "${folder.path}"`;
    await runShell(script);
  });

  it('is not started when the attempt was stopped before', async () => {
    const reason = new AttemptStopped('stop', undefined);
    const failure = failureOf(runShell(`touch "${folder.path}/started"`, [], { signal: AbortSignal.abort(reason) }));
    expect(await failure).toBe(reason);
    expect(await readdir(folder.path)).not.toContain('started');
  });

  it('takes what a program prints faster than the disk writes', async () => {
    const script = 'process.stdout.write("x".repeat(20_000_000) + "\\nlast line\\n")';
    const context = bench.context({ programs: PROGRAMS });
    await exec({ program: 'node', arguments: ['-e', script] }, context);
    expect(context.log.tail()).toContain('last line');
  });

  // biome-ignore format: one case per line
  it.each([
    [{ program: 'ffmpeg', arguments: [] },                              'PROGRAM_NOT_FOUND', /does not run the program "ffmpeg".*it runs: shell, node.*--allow-program ffmpeg=PATH/],
    [{ program: '/bin/sh', arguments: [] },                             'PROGRAM_NOT_FOUND', /does not run the program "\/bin\/sh"/],
    [{ program: 'shell' },                                              'OTHER',             /arguments/],
    [{ program: 'shell', arguments: '-c true' },                        'OTHER',             /arguments/],
    [{ program: 'shell', arguments: [1] },                              'OTHER',             /arguments/],
    [{ program: 'shell', arguments: [{ path: 'relative' }] },           'OTHER',             /arguments/],
    [{ program: 'shell', arguments: [{ path: '/a', output: '/b' }] },   'OTHER',             /arguments/],
  ])('refuses %j', async (parameters, kind, message) => {
    const failure = await failureOf(exec(parameters, bench.context({ programs: PROGRAMS })));
    expect(failure.kind).toBe(kind);
    expect(failure.message).toMatch(message);
  });

  it('says why a program cannot be started', async () => {
    const path = join(folder.path, 'gone');
    await writeFile(path, '#!/bin/sh\n', { mode: 0o755 });
    const programs = findAllowedPrograms([path]);
    await chmod(path, 0o644);
    const failure = await failureOf(exec({ program: 'gone', arguments: [] }, bench.context({ programs })));
    expect(failure.message).toMatch(/gone" could not be started: .*EACCES/);
  });
});

describe('--allow-program', () => {
  it('takes a path or a name in PATH, and a name for tasks', async () => {
    const named = findAllowedPrograms(['sh', 'my-shell=sh', 'other=/bin/sh']);
    expect(named.map(({ name }) => name)).toEqual(['sh', 'my-shell', 'other']);
    expect(named.map(({ path }) => path.endsWith('/bin/sh'))).toEqual([true, true, true]);
  });

  // biome-ignore format: one case per line
  it.each([
    [['/no/such/program'],        /--allow-program \/no\/such\/program: "\/no\/such\/program" is not there/],
    [['no-such-program'],         /is not there/],
    [['x=/etc/passwd'],           /is not there, or is no program/],
    [['sh', '/bin/sh'],           /Two allowed programs are called "sh"/],
  ])('refuses %j', (wanted, message) => {
    expect(() => findAllowedPrograms(wanted)).toThrow(message);
  });
});
