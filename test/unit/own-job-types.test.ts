import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BUILT_IN_JOB_TYPES } from '../../src/job-types/built-in.ts';
import { OwnJobTypes, type OwnJobTypesOptions } from '../../src/own-job-types/own-job-types.ts';
import { until } from '../support/processes.ts';

let folder: string;
let types: OwnJobTypes | undefined;
let printed: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tablao-types-'));
  printed = [];
});
afterEach(async () => {
  await types?.close();
  types = undefined;
  await rm(folder, { recursive: true, force: true });
});

const logger = pino({ level: 'info' }, { write: (line: string) => void printed.push(line) });
const TAKEN = BUILT_IN_JOB_TYPES.list().map(({ name }) => name);

async function open(options: Partial<OwnJobTypesOptions> = {}): Promise<OwnJobTypes> {
  types = await OwnJobTypes.open({ folder, taken: TAKEN, logger, lookMs: 20, ...options });
  return types;
}

/** A module that declares a job type: `say` of one setting, made as the test wants it. */
function source(changes: Record<string, string> = {}): string {
  const fields: Record<string, string> = {
    name: `'say'`,
    label: `'Say'`,
    description: `'Says something.'`,
    version: `'1.0.0'`,
    settings: `[{ key: 'words', label: 'Words', description: 'What to say.', type: 'STRING', required: true }]`,
    compile: `({ settings }) => [${TASK}]`,
    ...changes,
  };
  const lines = Object.entries(fields).filter(([, value]) => value !== '');
  return `export default {\n${lines.map(([key, value]) => `  ${key}: ${value},`).join('\n')}\n};\n`;
}
const TASK = `{ name: 'say it', type: 'misc', commands: [{ name: 'echo', parameters: { message: settings.words } }] }`;

const write = (file: string, text: string) => writeFile(join(folder, file), text);

/** As most editors save: a new file takes the place of the old one. */
async function save(file: string, text: string): Promise<void> {
  await write(`.${file}.swp`, text);
  await rename(join(folder, `.${file}.swp`), join(folder, file));
}

const prepare = (name = 'say', settings: unknown = { words: 'hello' }) =>
  types!.prepare(name, { jobName: 'job', settings });

/** What a type that compiles so says to whoever submits. */
async function complaint(compile: string, options: Partial<OwnJobTypesOptions> = {}): Promise<string> {
  await write('say.mjs', source({ compile }));
  await open(options);
  expect(types!.faults()).toEqual([]);
  const prepared = await prepare();
  if (prepared === null || !('issues' in prepared)) expect.fail('it should have been refused');
  expect(prepared.issues).toMatchObject([{ path: ['type'] }]);
  return prepared.issues[0]!.message;
}

describe('a job type of one’s own', () => {
  it('is declared by a module, and makes tasks as those of Tablao do', async () => {
    await write('say.mjs', source());
    await open();
    expect(types!.list()).toEqual([
      {
        name: 'say',
        label: 'Say',
        description: 'Says something.',
        version: '1.0.0',
        taskTypes: ['blender', 'video', 'misc'],
        settings: [
          { key: 'words', label: 'Words', description: 'What to say.', type: 'STRING', required: true, editable: true },
        ],
      },
    ]);
    expect(await prepare()).toEqual({
      version: '1.0.0',
      settings: { words: 'hello' },
      tasks: [
        {
          name: 'say it',
          type: 'misc',
          frames: null,
          commands: [{ name: 'echo', parameters: { message: 'hello' } }],
          dependsOn: [],
        },
      ],
    });
    expect(await prepare('other')).toBeNull();
  });

  it('checks its settings by its declaration and by its own functions', async () => {
    const check = `(words) => words.includes('!') ? 'is too loud' : null`;
    const settings = `[{ key: 'words', label: 'Words', description: 'x', type: 'STRING', default: 'hi', check: ${check} }]`;
    await write('say.mjs', source({ settings }));
    await open();
    expect(await prepare('say', { words: 'hey!', wrods: 1 })).toMatchObject({
      issues: [{ path: ['settings', 'wrods'] }, { path: ['settings', 'words'], message: 'words is too loud.' }],
    });
    expect(await prepare('say', {})).toMatchObject({ settings: { words: 'hi' } });
  });

  it('is found as .mjs, .js and .ts, imports what stands beside it, and gets tools for frames', async () => {
    await mkdir(join(folder, 'lib'));
    await write('lib/words.mjs', `export const word = 'shared';`);
    await write('_helper.mjs', `export const other = 'too';`);
    await write('notes.txt', 'no module');
    const compile = `({ settings }, { chunkFrames, framePath }) => chunkFrames('1-5', 2).map((frames) => ({ name: frames, type: 'blender', frames,
      commands: [{ name: 'echo', parameters: { message: word + other + framePath('/a_##', 'PNG', 7) } }] }))`;
    const imports = `import { word } from './lib/words.mjs';\nimport { other } from './_helper.mjs';\n`;
    await write('a.mjs', imports + source({ name: `'a'`, compile }));
    await write('b.js', source({ name: `'b'` }));
    await write('c.ts', `const version: string = '2.0.0';\n${source({ name: `'c'`, version: 'version' })}`);
    await open();
    expect(types!.faults()).toEqual([]);
    expect(types!.list().map(({ name, version }) => `${name} ${version}`)).toEqual(['a 1.0.0', 'b 1.0.0', 'c 2.0.0']);
    const prepared = await prepare('a');
    expect(prepared).toMatchObject({ tasks: [{ frames: '1-2' }, { frames: '3-4' }, { frames: '5' }] });
    expect(JSON.stringify(prepared)).toContain('sharedtoo/a_07.png');
  });

  it('may take its time and be asked for many jobs at once', async () => {
    await write(
      'say.mjs',
      source({ compile: `async ({ settings }) => { await new Promise((r) => setTimeout(r, 50)); return [${TASK}]; }` }),
    );
    await open();
    const all = await Promise.all(Array.from({ length: 12 }, (_, i) => prepare('say', { words: `${i}` })));
    expect(all.map((prepared) => prepared && 'settings' in prepared && prepared.settings.words)).toEqual(
      Array.from({ length: 12 }, (_, i) => `${i}`),
    );
  });

  it('makes 100,000 tasks', { timeout: 30_000 }, async () => {
    await write('say.mjs', source({ compile: `({ settings }) => Array.from({ length: 100_000 }, () => (${TASK}))` }));
    await open();
    const prepared = await prepare();
    expect(prepared && 'tasks' in prepared && prepared.tasks.length).toBe(100_000);
  });

  it('remembers nothing of the job before, sees no environment, and what it prints is in the log', async () => {
    process.env.TABLAO_SECRET = 'secret';
    const compile = `({ settings }) => { globalThis.count = (globalThis.count ?? 0) + 1; console.log('count', count);
      return [{ name: JSON.stringify([count, process.env]), type: 'misc', commands: [{ name: 'sleep', parameters: { seconds: 1 } }] }]; }`;
    await write('say.mjs', source({ compile }));
    await open();
    for (let time = 0; time < 2; time += 1) expect(await prepare()).toMatchObject({ tasks: [{ name: '[1,{}]' }] });
    delete process.env.TABLAO_SECRET;
    expect(printed.filter((line) => line.includes('a job type printed: count 1'))).toHaveLength(2);
  });
});

describe('a job type that goes wrong says so, and harms nobody', () => {
  // biome-ignore format: one case per line
  it.each<[string, string, RegExp]>([
    ['throws',               `() => {\n  throw new Error('no such shot');\n}`,        /\(say\.mjs, line 8\) cannot make this job\. no such shot$/],
    ['has a mistake',        `({ settings }) =>\n  settings.wrods.length`,            /line 8\) cannot make this job\. TypeError: Cannot read properties of undefined/],
    ['throws no error',      `() => { throw 'text'; }`,                               /It threw text/],
    ['rejects',              `async () => { throw new RangeError('late'); }`,         /RangeError: late/],
    ['ends its process',     `() => process.exit(0)`,                                 /It ended its thread/],
    ['never answers',        `() => new Promise(() => {})`,                           /longer than 0\.5 s/],
    ['loops',                `() => { for (;;); }`,                                   /longer than 0\.5 s: is there an endless loop\?/],
    ['recurses',             `function loop() { return loop(); }`,                    /RangeError: Maximum call stack/],
    ['answers by itself',    `({}) => (process.emit('message', {}), 7)`,              /must give a list of tasks, not 7/],
  ])('%s', async (_what, compile, message) => {
    expect(await complaint(compile, { limits: { timeoutMs: 500, memoryMb: 128 } })).toMatch(message);
  });

  // biome-ignore format: one case per line
  it.each<[string, string]>([
    ['objects',              `() => { const all = []; for (;;) all.push({ a: [1, 2, 3] }); }`],
    ['buffers',              `() => { const all = []; for (;;) all.push(Buffer.alloc(1_000_000, 1)); }`],
  ])('eats memory with %s', { timeout: 60_000 }, async (_what, compile) => {
    expect(await complaint(compile, { limits: { timeoutMs: 50_000, memoryMb: 64 } })).toContain('needed more than 64 MB of memory');
    expect(process.memoryUsage().rss).toBeLessThan(2 * 2 ** 30);
  });

  const task = (changes: string) => `({ settings }) => [{ ...${TASK}, ${changes} }]`;
  const command = (text: string) => task(`commands: [${text}]`);
  // biome-ignore format: one case per line
  it.each<[string, RegExp]>([
    [`() => undefined`,                                              /must give a list of tasks, not nothing/],
    [`() => []`,                                                     /make 0 tasks; a job has 1 to 100,000/],
    [`() => Array(100_001).fill(1)`,                                 /make 100,001 tasks/],
    [`() => ['task']`,                                               /tasks\[0\] must be a task, not the text "task"/],
    [task(`name: ''`),                                               /tasks\[0\] must have a name of 1–200 characters/],
    [task(`name: 7`),                                                /tasks\[0\] must have a name .* not 7/],
    [task(`type: 'gpu'`),                                            /\("say it"\) must have a type out of taskTypes \(blender, video, misc\), not the text "gpu"/],
    [task(`frames: [1, 2]`),                                         /has wrong frames: give them as text/],
    [task(`frames: '10-1'`),                                         /has wrong frames: .*10-1/],
    [task(`frames: '1-1000000'`).replace('=> [', `=> [{ ...${TASK}, frames: '1' }, `), /make 1,000,001 frames/],
    [task(`depends: [0]`),                                           /has an unknown field "depends"/],
    [task(`dependsOn: [0]`),                                         /depends on tasks\[0\], which does not come before it: .*no cycle/],
    [task(`dependsOn: [3]`),                                         /depends on tasks\[3\]/],
    [task(`dependsOn: [-1]`),                                        /depends on -1, which is no number of a task/],
    [task(`dependsOn: ['say it']`),                                  /depends on the text "say it"/],
    [task(`dependsOn: 0`),                                           /must depend on a list of task numbers/],
    [task(`commands: []`),                                           /must have a list of commands, not an empty list/],
    [command(`'echo'`),                                              /commands\[0\] must be \{ name, parameters \}/],
    [command(`{ name: 'echos', parameters: { message: '' } }`),       /commands\[0\] "echos" is unknown; did you mean echo\?/],
    [command(`{ name: 'echo' }`),                                    /echo needs the parameter "message"/],
    [command(`{ name: 'echo', parameters: { massage: '' } }`),       /echo has no parameter "massage"; did you mean message\?/],
    [command(`{ name: 'echo', parameters: { message: 7 } }`),        /message must be text \(7\)/],
    [command(`{ name: 'echo', parameters: { message: () => 1 } }`),  /commands\[0\]\.parameters\.message is a function/],
    [command(`{ name: 'echo', parameters: { message: 1n } }`),       /message is a bigint/],
    [command(`{ name: 'sleep', parameters: { seconds: NaN } }`),     /seconds is NaN/],
    [command(`{ name: 'echo', parameters: { message: new Date() } }`), /message is a Date, not a plain object/],
    [`() => { const parameters = {}; parameters.message = parameters; return [{ name: 'x', type: 'misc', commands: [{ name: 'echo', parameters }] }]; }`, /nested too deeply, or holds itself/],
    [command(`{ name: 'make-directory', parameters: { path: 'out' } }`), /path is relative/],
    [command(`{ name: 'exec', parameters: { program: 'tar', arguments: ['-c', { file: '/a' }] } }`), /arguments must be a list of texts, \{ path/],
    [command(`{ name: 'exec', parameters: { program: 'tar', arguments: [{ path: 'a' }] } }`), /has the path "a", which is relative/],
    [command(`{ name: 'blender-render', parameters: { blendFile: '/a.blend', frames: '1', output: '/a_#', format: 'MP4' } }`), /format must be one of PNG/],
  ])('makes tasks that break the rules: %s', async (compile, message) => {
    expect(await complaint(compile)).toMatch(message);
  });
});

describe('a module that is broken is left out, with its name and line, and the others stay', () => {
  const wrongSetting = (text: string) => source({ settings: `[{ key: 'a', label: 'A', description: 'a', ${text} }]` });
  // biome-ignore format: one case per line
  it.each<[string, string, number | null, RegExp]>([
    ['a syntax error',        `export default {\n  name: 'x',\n  compile( {\n};`,       4,    /SyntaxError/],
    ['an error at the start', `const x = null;\n\nx.y();\n${source()}`,                 3,    /TypeError/],
    ['a missing import',      `import './none.mjs';\n${source()}`,                      null, /Cannot find module .*none\.mjs/],
    ['a loop at the start',   `for (;;);`,                                              null, /longer than 1 s/],
    ['nothing exported',      `const x = 1;`,                                           null, /must export a job type by default/],
    ['a list exported',       `export default [];`,                                     null, /must export a job type by default/],
    ['no name',               source({ name: '' }),                                     null, /name must be text/],
    ['a wrong name',          source({ name: `'a b'` }),                                null, /name must be text/],
    ['no label',              source({ label: '' }),                                    null, /label must be text/],
    ['no version',            source({ version: '1' }),                                 null, /version must be text/],
    ['no settings',           source({ settings: '' }),                                 null, /settings must be a list/],
    ['no compile',            source({ compile: `'x'` }),                               null, /compile must be a function/],
    ['a typo',                source({ lable: `'x'` }),                                 null, /no "lable"; did you mean label\?/],
    ['wrong task types',      source({ taskTypes: `['a b']` }),                         null, /taskTypes must be a list/],
    ['the name of another',   source({ name: `'echo-sleep-test'` }),                    null, /that of a job type of Tablao itself/],
    ['the name of a file',    source({ name: `'good'` }),                               null, /that of a job type of a-good\.mjs/],
    ['a setting without key', source({ settings: `[{}]` }),                             null, /settings\[0\] must have a key in camelCase/],
    ['the same key twice',    wrongSetting(`type: 'STRING' }, { key: 'a'`),             null, /Two settings have the key "a"/],
    ['a wrong setting type',  wrongSetting(`type: 'NUMBER'`),                           null, /Setting "a": type must be one of STRING, INTEGER/],
    ['a wrong default',       wrongSetting(`type: 'INTEGER', default: 1.5`),            null, /Setting "a": the default does not fit: a must be a whole number/],
    ['a default too great',   wrongSetting(`type: 'INTEGER', default: 5, maximum: 4`),  null, /the default does not fit: a is 5, more than 4/],
    ['no such default',       wrongSetting(`type: 'STRING', choices: ['x'], default: 'y'`), null, /the default is not among the choices/],
    ['a wrong choice',        wrongSetting(`type: 'STRING', choices: [1]`),             null, /a choice does not fit/],
    ['no choices',            wrongSetting(`type: 'STRING', choices: []`),              null, /choices must be a list with something in it/],
    ['minimum of a text',     wrongSetting(`type: 'STRING', minimum: 1`),               null, /minimum must be a number, of a setting that is one/],
    ['limits crossed',        wrongSetting(`type: 'FLOAT', minimum: 2, maximum: 1`),    null, /minimum is greater than maximum/],
    ['required with default', wrongSetting(`type: 'STRING', required: true, default: 'x'`), null, /required is for settings without a default/],
    ['an unknown source',     wrongSetting(`type: 'STRING', sceneSource: 'CAMRA'`),     null, /sceneSource must be one of .*did you mean CAMERA\?/],
  ])('%s', async (_what, text, line, message) => {
    await write('a-good.mjs', source({ name: `'good'` }));
    await write('broken.mjs', text);
    await open({ limits: { timeoutMs: 1000, memoryMb: 128 } });
    expect(types!.list().map(({ name }) => name)).toEqual(['good']);
    expect(types!.faults()).toMatchObject([{ file: 'broken.mjs', line }]);
    expect(types!.faults()[0]!.message).toMatch(message);
    expect(await prepare('good')).toMatchObject({ version: '1.0.0', tasks: [{ name: 'say it' }] });
    const place = line === null ? 'broken\\.mjs' : `broken\\.mjs:${line}`;
    expect(printed.join('')).toMatch(new RegExp(`the job type ${place} is left out: `));
  });

  it('and a syntax error in what it imports is named by its place', async () => {
    await mkdir(join(folder, 'lib'));
    await write('lib/broken.mjs', `export const a = 1;\nexport const = 2;\n`);
    await write('say.mjs', `import { a } from './lib/broken.mjs';\n${source()}`);
    await open();
    expect(types!.faults()).toMatchObject([{ file: 'say.mjs', line: null }]);
    expect(types!.faults()[0]!.message).toContain('(lib/broken.mjs, line 2)');
  });
});

describe('the folder', () => {
  it('is read again when something in it changes, however it was saved', async () => {
    await mkdir(join(folder, 'lib'));
    await write('lib/version.mjs', `export const version = '1.0.0';`);
    await write('say.mjs', `import { version } from './lib/version.mjs';\n${source({ version: 'version' })}`);
    await open();
    const versions = () =>
      types!
        .list()
        .map(({ name, version }) => `${name} ${version}`)
        .join(' ');
    expect(versions()).toBe('say 1.0.0');
    await save('lib/version.mjs'.replace('lib/', ''), 'unused');
    await rm(join(folder, 'version.mjs'));
    await write('lib/next', `export const version = '1.1.0';`);
    await rename(join(folder, 'lib/next'), join(folder, 'lib/version.mjs'));
    await until(async () => versions() === 'say 1.1.0');
    await write('more.mjs', source({ name: `'more'` }));
    await until(async () => versions() === 'more 1.0.0 say 1.1.0');
    await save('more.mjs', 'export default {');
    await until(async () => versions() === 'say 1.1.0');
    expect(types!.faults()).toMatchObject([{ file: 'more.mjs', line: 1 }]);
    await save('more.mjs', source({ name: `'more'`, version: `'1.0.1'` }));
    await until(async () => versions() === 'more 1.0.1 say 1.1.0');
    expect(types!.faults()).toEqual([]);
    await rm(join(folder, 'say.mjs'));
    await until(async () => versions() === 'more 1.0.1');
    expect(await prepare('say')).toBeNull();
  });

  it('that is away for a while leaves the job types as they were', async () => {
    await write('say.mjs', source());
    await open();
    await rename(folder, `${folder}-away`);
    await until(async () => printed.some((line) => line.includes('cannot be read; what was read last holds')));
    expect(types!.list()).toHaveLength(1);
    const refused = await prepare();
    expect(refused).toMatchObject({ issues: [{ path: ['type'] }] });
    await rename(`${folder}-away`, folder);
    expect(await prepare()).toMatchObject({ tasks: [{}] });
  });

  it('makes each job by one version of its type, wholly, while the file is saved again and again', {
    timeout: 60_000,
  }, async () => {
    const version = (n: number) =>
      source({
        version: `'${n}'`,
        settings: `[{ key: 'words', label: 'Words', description: 'x', type: 'STRING', default: 'of ${n}' }]`,
        compile: `({ settings }) => [{ name: settings.words + ' by ${n}', type: 'misc', commands: [{ name: 'echo', parameters: { message: '' } }] }]`,
      });
    await write('say.mjs', version(0));
    await open();
    let isSaving = true;
    const saving = (async () => {
      for (let n = 1; isSaving; n += 1) await save('say.mjs', version(n));
    })();
    const seen = new Set<string>();
    for (let i = 0; i < 20 || seen.size < 2; i += 1) {
      const prepared = await prepare('say', {});
      if (prepared === null || !('tasks' in prepared)) expect.fail(JSON.stringify(prepared));
      expect(prepared.tasks[0]!.name).toBe(`of ${prepared.version} by ${prepared.version}`);
      seen.add(prepared.version);
    }
    isSaving = false;
    await saving;
  });

  it('that is not there, or is a file, is refused at the start', async () => {
    await write('file', '');
    await expect(open({ folder: join(folder, 'none') })).rejects.toThrow(/--job-types .*none cannot be read/);
    await expect(open({ folder: join(folder, 'file') })).rejects.toThrow(/--job-types .*file is no folder/);
  });
});
