import { z } from 'zod';
import { identifyProcess, type ProcessIdentity } from '../system/process-identity.ts';
import { readJson, writeJson } from './state-directory.ts';

/** What a worker leaves for: for good, or to be started again. */
export type WorkerEnd = 'OFFLINE' | 'RESTART';

const Noted = z.object({ pid: z.number(), startedAt: z.string(), end: z.enum(['OFFLINE', 'RESTART']) });

/** Notes that this process leaves in good order, for those who cannot read its exit code: it may not be their child. */
export async function noteEnd(path: string, end: WorkerEnd): Promise<WorkerEnd> {
  writeJson(path, { ...(await identifyProcess(process.pid)), end });
  return end;
}

/** @returns undefined when the process was cut off, or failed */
export function readEnd(path: string, { pid, startedAt }: ProcessIdentity): WorkerEnd | undefined {
  const noted = Noted.safeParse(readJson(path)).data;
  return noted?.pid === pid && noted.startedAt === startedAt ? noted.end : undefined;
}
