import { rmSync } from 'node:fs';
import type { Logger } from 'pino';
import { isAlive } from '../system/process-identity.ts';
import { killGroup } from './process-group.ts';
import { RecordedProgram } from './process-record.ts';
import { readRecords } from './state-directory.ts';

/** Ends every recorded program that still runs; a pid that now belongs to another process is left alone. */
export async function killLeftPrograms(folder: string, logger: Logger): Promise<void> {
  for (const { path, value } of readRecords(folder)) {
    const recorded = RecordedProgram.safeParse(value).data;
    if (recorded !== undefined && (await isAlive(recorded))) {
      logger.warn({ pid: recorded.pid, program: recorded.program }, 'ending a program that an earlier worker left');
      await killGroup(recorded.pid);
    }
    rmSync(path, { force: true });
  }
}
