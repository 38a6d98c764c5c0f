/**
 * A worker process without a gateway, for tests that kill it: renders what it is told and says when a frame has begun.
 * Arguments: folder, .blend, frames.
 */
import { join } from 'node:path';
import { blenderRender } from '../../src/worker/commands/blender-render.ts';
import { openBench } from './command-context.ts';

const [folder = '', blendFile = '', frames = ''] = process.argv.slice(2);
const bench = await openBench(folder, { allowAutoexec: true });
const context = bench.context({
  reportProgress: ({ activity }) => {
    process.stdout.write(`${activity}\n`);
  },
});
const output = join(folder, 'killed', 'shot_####');
await blenderRender({ blendFile, frames, output, format: 'PNG', skipExisting: false }, context);
