/**
 * A worker process without a gateway, for tests that kill it: moves a folder and says that it has begun.
 * Arguments: the worker's folder, from, to.
 */
import { moveDirectory } from '../../src/worker/commands/move-directory.ts';
import { openBench } from './command-context.ts';

const [folder = '', from = '', to = ''] = process.argv.slice(2);
const bench = await openBench(folder, { blenders: [] });
const context = bench.context({
  reportProgress: ({ fraction }) => {
    if (fraction > 0.1) process.stdout.write('.');
  },
});
await moveDirectory({ from, to }, context);
