import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { joinJobTypes } from '../../src/domain/job-type-registry.ts';
import { BUILT_IN_JOB_TYPES } from '../../src/job-types/built-in.ts';
import { OwnJobTypes } from '../../src/own-job-types/own-job-types.ts';
import { silentLogger } from '../support/command-context.ts';
import { Farm } from '../support/farm.ts';
import { until } from '../support/processes.ts';

let folder: string;
let own: OwnJobTypes;
let farm: Farm;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tablao-types-'));
  await writeFile(join(folder, 'say.mjs'), SAY);
  await writeFile(join(folder, 'broken.mjs'), 'export default {\n  name: 7,\n');
  const taken = BUILT_IN_JOB_TYPES.list().map(({ name }) => name);
  own = await OwnJobTypes.open({ folder, taken, logger: silentLogger, lookMs: 20 });
  farm = await Farm.start({ jobTypes: joinJobTypes(BUILT_IN_JOB_TYPES, own) });
});
afterAll(async () => {
  await farm.close();
  await own.close();
  await rm(folder, { recursive: true, force: true });
});

const SAY = `export default {
  name: 'say', label: 'Say', description: 'Says something.', version: '1.2.0',
  settings: [{ key: 'words', label: 'Words', description: 'What to say.', type: 'STRING', required: true }],
  compile({ settings }) {
    if (settings.words === 'fail') throw new Error('no such words');
    return [{ name: 'say it', type: 'misc', commands: [{ name: 'echo', parameters: { message: settings.words } }] }];
  },
};`;

const SUBMIT = `mutation ($input: SubmitJobInput!) { submitJob(input: $input) { __typename
  ... on SubmitJobSuccess { job { id } } ... on InvalidInputError { issues { path message } } } }`;
interface Submitted {
  readonly job: { readonly id: string };
  readonly issues: { path: string[]; message: string }[];
}
async function submit(input: object): Promise<Submitted> {
  const variables = { input: { type: 'say', name: 'job', settings: { words: 'hello' }, ...input } };
  return (await farm.gateway.run<{ submitJob: Submitted }>(SUBMIT, variables)).submitJob;
}

it('is listed beside the others, and what was left out with its place', async () => {
  const { jobTypes, jobTypeFaults } = await farm.gateway.run<{ jobTypes: { name: string }[]; jobTypeFaults: object[] }>(
    '{ jobTypes { name version settings { key required } } jobTypeFaults { file line message } }',
  );
  expect(jobTypes.map(({ name }) => name)).toEqual(['simple-blender-render', 'echo-sleep-test', 'say']);
  expect(jobTypes[2]).toEqual({ name: 'say', version: '1.2.0', settings: [{ key: 'words', required: true }] });
  expect(jobTypeFaults).toEqual([{ file: 'broken.mjs', line: 3, message: expect.stringContaining('SyntaxError') }]);
});

it('makes jobs that workers execute, and previews of them', async () => {
  const { job } = await submit({ jobTypeVersion: '1.2.0' });
  const worker = await farm.worker();
  const assignment = (await worker.claim())!;
  expect(assignment.commands).toEqual([{ name: 'echo', parameters: { message: 'hello' } }]);
  await worker.complete(assignment.attemptToken);
  expect((await farm.job(job)).status).toBe('COMPLETED');
  const { previewJob } = await farm.gateway.run<{ previewJob: object }>(
    `query ($input: SubmitJobInput!) { previewJob(input: $input) { ... on JobPreview { taskCount } } }`,
    { input: { type: 'say', name: 'job', settings: { words: 'hello' } } },
  );
  expect(previewJob).toEqual({ taskCount: 1 });
});

// biome-ignore format: one case per line
it.each<[object, string[], RegExp]>([
  [{ settings: {} },                  ['settings.words'], /words is required/],
  [{ settings: { words: 'fail' } },   ['type'],           /\(say\.mjs, line 5\) cannot make this job\. no such words/],
  [{ jobTypeVersion: '1.1.0' },       ['jobTypeVersion'], /has version 1\.2\.0 of say/],
  [{ type: 'broken' },                ['type'],           /There is no job type "broken"/],
  [{ type: 'sayy' },                  ['type'],           /Did you mean "say"/],
])('refuses %j', async (input, paths, message) => {
  const { issues } = await submit(input);
  expect(issues.map(({ path }) => path.join('.'))).toEqual(paths);
  expect(issues[0]!.message).toMatch(message);
});

it('that is gone leaves its jobs, whose jobType is null', async () => {
  const { job } = await submit({});
  await rm(join(folder, 'say.mjs'));
  await until(async () => own.get('say') === null);
  expect(
    await farm.gateway.run('query ($id: ID!) { job(id: $id) { type jobType { name } status } }', { id: job.id }),
  ).toEqual({
    job: { type: 'say', jobType: null, status: 'QUEUED' },
  });
  expect((await submit({})).issues[0]!.message).toContain('There is no job type "say"');
  const worker = await farm.worker();
  expect((await worker.claim())?.task.name).toBe('say it');
});
