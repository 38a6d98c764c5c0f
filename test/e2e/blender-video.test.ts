import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { blenderRender } from '../../src/worker/commands/blender-render.ts';
import { framesToVideo } from '../../src/worker/commands/frames-to-video.ts';
import { makeScenes, makeTestFolder } from '../support/blender.ts';
import { type Bench, openBench } from '../support/command-context.ts';

let folder: Awaited<ReturnType<typeof makeTestFolder>>;
let bench: Bench;
let blendFile: string;

beforeAll(async () => {
  folder = await makeTestFolder('video');
  bench = await openBench(folder.path);
  // an odd width: H.264 takes even ones only
  ({ odd: blendFile } = await makeScenes(folder.path, { odd: { python: 'scene.render.resolution_x = 65' } }));
}, 60_000);

afterAll(async () => {
  await bench?.close();
  await folder?.remove();
});

it.each(['PNG', 'OPEN_EXR'] as const)(
  'makes an H.264 video in MP4 from %s frames, negative ones too',
  async (format) => {
    const input = join(folder.path, format, 'shot_####');
    const frames = '-1..6';
    await blenderRender({ blendFile, frames, output: input, format, skipExisting: false }, bench.context());
    const output = join(folder.path, format, 'made', 'preview.mp4');
    const context = bench.context();
    const outputs = await framesToVideo({ frames, input, format, output, fps: 23.976 }, context);
    const bytes = readFileSync(output);
    expect(outputs).toEqual([{ path: output, bytes: bytes.length }]);
    expect(bytes.toString('latin1', 4, 8)).toBe('ftyp');
    expect(bytes.includes('avc1')).toBe(true);
    expect(countSamples(bytes)).toBe(8);
    expect(readdirSync(join(folder.path, format, 'made'))).toEqual(['preview.mp4']);
    expect(bench.progress.map(({ activity }) => activity)).toContain('encoding frame 1 of 8');
  },
);

it('names the frames that are missing', async () => {
  const input = join(folder.path, 'PNG', 'shot_####');
  const missing = join(folder.path, 'PNG', 'shot_0002.png');
  rmSync(missing);
  const output = join(folder.path, 'none.mp4');
  const making = framesToVideo({ frames: '1-3', input, format: 'PNG', output, fps: 24 }, bench.context());
  await expect(making).rejects.toMatchObject({
    kind: 'FILE_NOT_FOUND',
    message: `"${missing}" not found: the video cannot be made.`,
  });
});

/** From the table of sample sizes (stsz): version and flags, one size for all, count. */
function countSamples(mp4: Buffer): number {
  return mp4.readUInt32BE(mp4.indexOf('stsz') + 12);
}
