/*
 * What a gateway does first, as a process of its own that tests can kill: opens the data directory, starts the embedded
 * server, prints one line about it and stays. Its first argument is the data directory; ends in good order on SIGTERM.
 */
import { pino } from 'pino';
import { openDataDirectory } from '../../src/store/data-directory.ts';
import { startEmbedded } from '../../src/store/embedded.ts';

try {
  const directory = await openDataDirectory(process.argv[2] ?? '');
  const server = await startEmbedded({ directory, logger: pino({ level: 'silent' }), testSettings: { fsync: 'off' } });
  process.once('SIGTERM', async () => {
    await server.stop();
    await directory.release();
  });
  console.log(JSON.stringify({ config: server.config }));
} catch (error) {
  console.log(JSON.stringify({ error: (error as Error).name, message: (error as Error).message }));
  process.exitCode = 1;
}
