import { expect, it } from 'vitest';
import { readFrameProgress } from '../../../src/worker/render-progress.ts';

// lines as Blender 3.4, 4.3 and 5.2 printed them
it.each([
  [
    'Fra:1 Mem:9.91M (Peak 10.83M) | Time:00:00.05 | Mem:0.76M, Peak:0.76M | Scene, ViewLayer | Sample 32/128',
    0.25,
    'sample 32 of 128',
  ],
  ['Fra:1 Mem:9M | Rendered 1/4 Tiles, Sample 64/128', 0.375, 'tile 1 of 4'],
  ['Fra:5 Mem:30.57M (Peak 30.57M) | Time:00:00.32 | Rendering 16 / 64 samples', 0.25, 'sample 16 of 64'],
  ['00:00.463  render           | Fra: 1 | Remaining: 00:01.20 | Mem: 7M | Sample 3/4', 0.75, 'sample 3 of 4'],
])('reads %s', (line, fraction, activity) => {
  expect(readFrameProgress(line)).toEqual({ fraction, activity });
});

it.each(["Saved: '/o/Sample.png'", 'Fra:1 Mem:9M | Updating Device', 'Sample 0/0'])('reads nothing from %s', (line) => {
  expect(readFrameProgress(line)).toBeUndefined();
});
