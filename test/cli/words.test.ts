import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { defaultDataDirectory } from '../../src/cli/default-data-directory.ts';
import type { JobState } from '../../src/cli/job-stream.ts';
import { formatBar } from '../../src/cli/job-view.ts';
import { findNodeFault } from '../../src/cli/node-version.ts';
import { defaultOutputPath } from '../../src/cli/submission.ts';
import { formatAge, formatDuration, formatPercent, formatWaiting, toPlainText } from '../../src/cli/text.ts';

const JOB: JobState = {
  id: 'id',
  name: 'shot_010',
  status: 'ACTIVE',
  statusReason: 'CLAIMED',
  error: null,
  progress: 0.48,
  frameCounts: { total: 24, done: 12 },
  taskCounts: { total: 25, active: 1, completed: 12, failed: 0 },
  secondsElapsed: 14,
  secondsLeft: 75,
  waitingFor: ['ALL_WORKERS_BUSY'],
};

describe('the progress bar', () => {
  const bar = (job: Partial<JobState>, columns = 100, since = 0) =>
    stripVTControlCharacters(formatBar({ ...JOB, ...job }, { sinceSeconds: since, columns, isAway: false }));

  it('tells frames, percent, elapsed and left time, and the status', () => {
    expect(bar({})).toBe(`shot_010  ${'█'.repeat(14)}${'░'.repeat(16)}  12/24 frames  48 %  0:14, 1:15 left  active`);
  });

  it('goes on between two states', () => {
    expect(bar({}, 100, 5)).toContain('0:19, 1:10 left');
    expect(bar({}, 100, 100)).toContain('1:54, 0:00 left');
  });

  it('counts tasks when there are no frames', () => {
    expect(bar({ frameCounts: { total: 0, done: 0 } })).toContain('12/25 tasks');
  });

  it('says what nothing but waiting waits for', () => {
    const idle = { ...JOB.taskCounts, active: 0 };
    expect(bar({ status: 'QUEUED', taskCounts: idle, waitingFor: ['NO_CAPABLE_WORKER'] })).toMatch(
      / {2}waits for a worker that can do it$/,
    );
    expect(bar({})).not.toContain('waits');
  });

  it('fits the terminal, however narrow', () => {
    for (const columns of [60, 72, 80, 120, 250]) {
      const line = bar({ name: 'a name that is far longer than what a bar has room for' }, columns);
      expect(line.length, line).toBeLessThan(columns);
      expect(line).toContain('12/24 frames');
    }
  });

  it('is full only when everything is done', () => {
    expect(bar({ progress: 0.999 })).toMatch(/░.* 99 %/);
    expect(bar({ progress: 1, status: 'COMPLETED', secondsLeft: null })).toMatch(/█ {2}.* 100 % .*completed$/);
  });
});

it('writes times as people do', () => {
  expect([0, 5, 65, 3661, 359_999].map(formatDuration)).toEqual(['0:00', '0:05', '1:05', '1:01:01', '99:59:59']);
  const now = new Date('2026-01-10T00:00:00Z');
  expect(
    ['2026-01-09T23:59:50Z', '2026-01-09T23:00:00Z', '2026-01-09T10:00:00Z', '2026-01-01T00:00:00Z'].map((at) =>
      formatAge(at, now),
    ),
  ).toEqual(['10 s', '60 min', '14 h', '9 d']);
  expect([0, 0.999, 1].map(formatPercent)).toEqual(['0 %', '99 %', '100 %']);
});

it('knows the words for what a job waits for, and shows a reason that it does not know', () => {
  expect(formatWaiting([])).toBe('');
  expect(formatWaiting(['BACKING_OFF', 'ALL_WORKERS_BUSY'])).toBe('waits before it is tried again, for a free worker');
  expect(formatWaiting(['FULL_MOON'])).toBe('waits (full-moon)');
});

it('keeps what others wrote from driving the terminal', () => {
  expect(toPlainText('a\u001b[2J\u001b]0;title\u0007b\rc\u009b31md\ne')).toBe('abcd\ne');
});

it('puts frames beside the file, with no other # than those of the number', () => {
  expect(defaultOutputPath('/shots/a.v2.blend')).toBe('/shots/render/a.v2/a.v2_######');
  expect(defaultOutputPath('/shots/take#3.blend')).toBe('/shots/render/take_3/take_3_######');
});

it('keeps data where the system wants it, and as root where the database may go', () => {
  expect(defaultDataDirectory({}, 'linux', true)).toBe('/var/lib/tablao');
  expect(defaultDataDirectory({ XDG_DATA_HOME: '/data' }, 'linux', false)).toBe('/data/tablao');
  expect(defaultDataDirectory({}, 'linux', false)).toMatch(/\/\.local\/share\/tablao$/);
  expect(defaultDataDirectory({}, 'darwin', false)).toMatch(/\/Library\/Application Support\/Tablao$/);
  expect(defaultDataDirectory({ LOCALAPPDATA: 'C:\\Data' }, 'win32', false)).toMatch(/^C:\\Data.Tablao$/);
});

it('refuses a Node that is too old in a line that says what to do', () => {
  expect(['22.18.0', '24.0.0', '100.1.2'].map(findNodeFault)).toEqual([null, null, null]);
  expect(findNodeFault('20.20.2')).toMatch(
    /^Tablao needs Node\.js 22\.18 or newer, and this is 20\.20\.2\. .*"npm start"/,
  );
  expect(findNodeFault('22.17.9')).not.toBeNull();
});
