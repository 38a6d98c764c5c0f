import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { BlenderPool, type BlenderPoolOptions } from '../../src/worker/blender-pool.ts';
import type { CommandContext } from '../../src/worker/commands/command-context.ts';
import { findBlender } from '../../src/worker/find-blender.ts';
import type { Assignment, Progress } from '../../src/worker/gateway-client.ts';
import { LogSpool } from '../../src/worker/log-spool.ts';
import { openStateDirectory, type StateDirectory } from '../../src/worker/state-directory.ts';

export const silentLogger = pino({ level: 'silent' });

/** What a command of the worker needs, without a gateway. */
export interface Bench {
  readonly state: StateDirectory;
  readonly pool: BlenderPool;
  /** Of one attempt; each call is another one of the same job. */
  context(changes?: Partial<CommandContext>): CommandContext;
  readonly progress: Progress[];
  readonly shown: { readonly frame: number; readonly source: string | Buffer }[];
  close(): Promise<void>;
}

export async function openBench(folder: string, options: Partial<BlenderPoolOptions> = {}): Promise<Bench> {
  const state = await openStateDirectory(join(folder, 'state'));
  const pool = new BlenderPool({
    blenders: [await findBlender(process.env.TABLAO_BLENDER)],
    allowAutoexec: false,
    cwd: folder,
    recordFolder: state.programs,
    ...options,
  });
  const logs: LogSpool[] = [];
  const progress: Progress[] = [];
  const shown: { frame: number; source: string | Buffer }[] = [];
  mkdirSync(state.logs, { recursive: true });
  return {
    state,
    pool,
    progress,
    shown,
    context: (changes = {}) => {
      const log = new LogSpool(join(state.logs, `${logs.length}.log`));
      logs.push(log);
      return {
        assignment: makeAssignment({ attempt: { id: `attempt-${logs.length}`, number: 1 } }),
        signal: new AbortController().signal,
        log,
        blender: pool,
        programs: [],
        programRecords: state.programs,
        workFolder: state.path,
        attemptRecords: state.attempts,
        untilMayMove: async (signal) => signal.throwIfAborted(),
        showFrame: (frame, source) => shown.push({ frame, source }),
        reportProgress: (report) => progress.push(report),
        ...changes,
      };
    },
    close: async () => {
      await pool.close();
      for (const log of logs) await log.remove();
    },
  };
}

export function makeAssignment(changes: Partial<Assignment> = {}): Assignment {
  return {
    attemptToken: 'token-1',
    attempt: { id: 'attempt-1', number: 1 },
    task: { id: 'task-1', name: 'render-1', type: 'blender', job: { id: 'job-1', name: 'shot', files: [] } },
    commands: [],
    ...changes,
  };
}
