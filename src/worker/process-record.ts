import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { ProcessIdentity } from '../system/process-identity.ts';
import { writeJson } from './state-directory.ts';

/** A program that was started, as the state directory keeps it. */
export const RecordedProgram = z.object({ pid: z.number(), startedAt: z.string(), program: z.string() });

/** Remembers the leader of a process group, so that the next start can end what a crash leaves. */
export function recordProgram(folder: string, leader: ProcessIdentity, program: string): { forget(): void } {
  const path = join(folder, `${leader.pid}.json`);
  writeJson(path, { ...leader, program });
  return { forget: () => rmSync(path, { force: true }) };
}
