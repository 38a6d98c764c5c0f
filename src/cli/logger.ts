import { type Logger, pino } from 'pino';
import { SetupError } from '../domain/setup-error.ts';

/**
 * Logs go to stderr: stdout is for what a command answers. Coloured text on a terminal, else and with `json` JSON lines.
 * @throws SetupError for a level that does not exist
 */
export function createLogger(level: string, json = false): Logger {
  const levels = [...Object.keys(pino.levels.values), 'silent'];
  if (!levels.includes(level)) throw new SetupError(`There is no log level "${level}": use ${levels.join(', ')}.`);
  if (json || !process.stderr.isTTY) return pino({ level }, pino.destination({ dest: 2, sync: true }));
  const options = { destination: 2, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss' };
  return pino({ level, transport: { target: 'pino-pretty', options } });
}
