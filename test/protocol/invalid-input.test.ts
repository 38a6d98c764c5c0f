import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Farm } from '../support/farm.ts';
import type { FarmWorker } from '../support/farm-worker.ts';

let farm: Farm;
let worker: FarmWorker;
beforeAll(async () => {
  farm = await Farm.start();
  worker = await farm.worker();
});
afterAll(() => farm.close());

const RESULT = '{ __typename ... on InvalidInputError { code issues { path message given allowed } } }';

/** The paths of what is wrong with an input; each issue also says in words what is allowed. */
async function pathsOf(mutation: string, input: object): Promise<string[]> {
  const type = `${mutation[0]!.toUpperCase()}${mutation.slice(1)}Input!`;
  const data = await farm.gateway.run<
    Record<string, { code?: string; issues?: { path: string[]; message: string; allowed: string }[] }>
  >(`mutation ($input: ${type}) { ${mutation}(input: $input) ${RESULT} }`, { input }, worker.token);
  const { issues, code } = data[mutation]!;
  if (!issues) return [];
  expect(code).toBe('INVALID_INPUT');
  for (const { message, allowed } of issues) {
    expect(message).not.toBe('');
    expect(allowed).not.toBeNull();
  }
  return issues.map(({ path }) => path.join('.'));
}

describe('registerWorker', () => {
  const input = { name: 'render', platform: 'linux' };

  it.each(['', 'x'.repeat(201), 'a\nb', 'a\u0000', '\u001b[31m'])('refuses the name %j', async (name) => {
    expect(await pathsOf('registerWorker', { ...input, name })).toEqual(['name']);
  });

  it('names everything that is wrong at once', async () => {
    expect(await pathsOf('registerWorker', { name: '', platform: '' })).toEqual(['name', 'platform']);
  });
});

describe('signOnWorker', () => {
  const input = { version: '1', protocol: 1, taskTypes: ['misc'], tags: [], blenderVersions: ['4.5.1'], slots: 1 };
  // biome-ignore format: one case per line
  const cases: [string, object][] = [
    ['version', { version: '' }],
    ['taskTypes', { taskTypes: ['a b'] }],
    ['taskTypes', { taskTypes: [''] }],
    ['taskTypes', { taskTypes: ['x'.repeat(65)] }],
    ['tags', { tags: ['ä'] }],
    ['blenderVersions', { blenderVersions: ['4.5 LTS!'] }],
    ['offers', { offers: ['root: proj'] }],
    ['offers', { offers: ['proj'] }],
    ['devices', { devices: [{ type: 'CUDA', name: '' }] }],
    ['slots', { slots: 0 }],
    ['slots', { slots: 65 }],
  ];

  it.each(cases)('refuses the %s of %j', async (path, change) => {
    expect(await pathsOf('signOnWorker', { ...input, ...change })).toEqual([path]);
  });

  it('names everything that is wrong at once, and the session goes on', async () => {
    expect(await pathsOf('signOnWorker', { ...input, taskTypes: [''], tags: [''], slots: 0 })).toEqual([
      'taskTypes',
      'tags',
      'slots',
    ]);
    expect(await worker.sync()).toMatchObject({ __typename: 'SyncWorkerSuccess' });
  });
});

describe('syncWorker', () => {
  const sync = (change: object) =>
    pathsOf('syncWorker', {
      sessionId: worker.sessionId,
      status: 'AWAKE',
      running: [],
      freeSlots: 0,
      reports: [],
      ...change,
    });
  const report = (event: object, sequence = 1) => ({ attemptToken: 'x', sequence, at: '2026-01-01T12:00:00Z', event });
  const output = (change: object) => report({ completed: { outputs: [{ path: '/out/1.png', bytes: 1, ...change }] } });
  // biome-ignore format: one case per line
  const cases: [string, object][] = [
    ['status', { status: 'OFFLINE' }],
    ['status', { status: 'LOST' }],
    ['freeSlots', { freeSlots: -1 }],
    ['freeSlots', { freeSlots: 65 }],
    ['waitSeconds', { waitSeconds: 61 }],
    ['waitSeconds', { waitSeconds: -1 }],
    ['running', { running: Array.from({ length: 1001 }, () => 'x') }],
    ['reports.0.sequence', { reports: [report({ stopped: { handedBack: true } }, 0)] }],
    ['reports.1.event.progress.fraction', { reports: [report({ progress: { fraction: 1 } }), report({ progress: { fraction: 1.1 } })] }],
    ['reports.0.event.progress.fraction', { reports: [report({ progress: { fraction: -0.1 } })] }],
    ['reports.0.event.completed.outputs', { reports: [output({ path: '' })] }],
    ['reports.0.event.completed.outputs', { reports: [output({ path: 'a\u0000b' })] }],
    ['reports.0.event.completed.outputs', { reports: [output({ path: '/out/\ud800' })] }],
    ['reports.0.event.completed.outputs', { reports: [output({ bytes: -1 })] }],
    ['reports.0.event.completed.outputs', { reports: [output({ bytes: 1.5 })] }],
    ['reports.0.event.completed.outputs', { reports: [output({ bytes: 1e300 })] }],
    ['reports.0.event.completed.outputs', { reports: [output({ renderSeconds: -1 })] }],
  ];

  it.each(cases)('refuses %s', async (path, change) => {
    expect(await sync(change)).toEqual([path]);
  });

  it('names everything that is wrong at once', async () => {
    const reports = [report({ progress: { fraction: 2 } }, 0)];
    expect(await sync({ status: 'OFFLINE', freeSlots: -1, waitSeconds: 99, reports })).toEqual([
      'freeSlots',
      'waitSeconds',
      'status',
      'reports.0.sequence',
      'reports.0.event.progress.fraction',
    ]);
  });
});

describe('appendTaskLog', () => {
  const append = (change: object) =>
    pathsOf('appendTaskLog', { sessionId: worker.sessionId, attemptToken: 'x', offset: 0, text: 'text', ...change });
  // biome-ignore format: one case per line
  const cases: [string, object][] = [
    ['offset', { offset: -1 }],
    ['offset', { offset: 0.5 }],
    ['offset', { offset: 1e300 }],
    ['text', { text: 'x'.repeat(1_048_577) }],
  ];

  it.each(cases)('refuses %s', async (path, change) => {
    expect(await append(change)).toEqual([path]);
  });
});

describe('what users say', () => {
  it.each(['x'.repeat(2001), 'a\u0000', '\ud800'])(
    'of a comment such as %j is refused by every mutation that takes one',
    async (comment) => {
      for (const mutation of ['cancelJob', 'requeueJob', 'cancelTask', 'requeueTask'])
        expect(await pathsOf(mutation, { id: 'x', comment })).toEqual(['comment']);
      expect(await pathsOf('setJobStatus', { id: 'x', status: 'CANCELED', comment })).toEqual(['comment']);
      expect(await pathsOf('setTaskStatus', { id: 'x', status: 'CANCELED', comment })).toEqual(['comment']);
    },
  );

  it('of a job may not break its limits, and every field is named', async () => {
    expect(
      await pathsOf('updateJob', { id: 'x', name: '', priority: 101, maxWorkers: -1, workerTag: 'a b', metadata: [1] }),
    ).toEqual(['name', 'priority', 'maxWorkers', 'workerTag', 'metadata']);
    expect(await pathsOf('updateJob', { id: 'x', name: null, priority: null, metadata: null })).toEqual([
      'name',
      'priority',
      'metadata',
    ]);
    expect(await pathsOf('updateJob', { id: 'x', metadata: { note: 'a\u0000' } })).toEqual(['metadata']);
    expect(await pathsOf('updateJob', { id: 'x', metadata: { note: 'x'.repeat(65_536) } })).toEqual(['metadata']);
  });

  it('of a worker may not break its limits, and every field is named', async () => {
    expect(await pathsOf('updateWorker', { id: 'x', name: '', tags: [''], taskTypes: ['ä'] })).toEqual([
      'name',
      'tags',
      'taskTypes',
    ]);
  });
});
