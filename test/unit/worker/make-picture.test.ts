import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { MAX_PICTURE_BYTES } from '../../../src/domain/frame-picture.ts';
import { makePicture } from '../../../src/worker/make-picture.ts';
import { describeJpeg, makeJpeg } from '../../support/picture.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tablao-picture-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** An image of one colour, half covered where it has alpha. */
const plain = (width: number, height: number, channels: 3 | 4 = 3) =>
  sharp({ create: { width, height, channels, background: { r: 200, g: 100, b: 50, alpha: 0.5 } } });

it.each<[string, (path: string) => Promise<unknown>, number[]]>([
  ['png', (path) => plain(640, 360).png().toFile(path), [200, 100, 50]],
  ['16.png', (path) => plain(640, 360).toColourspace('rgb16').png().toFile(path), [200, 100, 50]],
  ['alpha.png', (path) => plain(640, 360, 4).png().toFile(path), [100, 50, 25]],
  ['jpg', (path) => plain(640, 360).jpeg({ quality: 95 }).toFile(path), [200, 100, 50]],
  ['tif', (path) => plain(640, 360).tiff({ compression: 'deflate' }).toFile(path), [200, 100, 50]],
  [
    '16.tif',
    (path) => plain(640, 360).toColourspace('rgb16').tiff({ compression: 'lzw' }).toFile(path),
    [200, 100, 50],
  ],
  ['webp', (path) => plain(640, 360).webp({ lossless: true }).toFile(path), [200, 100, 50]],
  ['grey.png', (path) => plain(640, 360).greyscale().png().toFile(path), [128, 128, 128]],
])('makes a small JPEG of a file that ends in %s, transparency black', async (name, write, colour) => {
  const path = join(folder, `frame.${name}`);
  await write(path);
  const picture = await describeJpeg(await makePicture(path));
  expect(picture).toMatchObject({ format: 'jpeg', width: 320, height: 180 });
  for (const [channel, value] of colour.entries()) expect(Math.abs(picture.means[channel]! - value)).toBeLessThan(4);
});

it.each([
  [1080, 1920, 180, 320],
  [100, 50, 100, 50],
  [3200, 1, 320, 1],
])('keeps the proportions of %i × %i and enlarges nothing', async (width, height, newWidth, newHeight) => {
  const path = join(folder, 'sized.png');
  await plain(width, height).png().toFile(path);
  expect(await describeJpeg(await makePicture(path))).toMatchObject({ width: newWidth, height: newHeight });
});

it('keeps within its limit also of noise, which no JPEG makes small', async () => {
  const path = join(folder, 'noise.png');
  const side = 320;
  await sharp(randomBytes(side * side * 3), { raw: { width: side, height: side, channels: 3 } })
    .png()
    .toFile(path);
  const jpeg = await makePicture(path);
  expect(jpeg.length).toBeGreaterThan(20_000);
  expect(jpeg.length).toBeLessThanOrEqual(MAX_PICTURE_BYTES);
});

it('leaves a picture that Blender has made as it is', async () => {
  const jpeg = await makeJpeg();
  expect(await makePicture(jpeg)).toBe(jpeg);
});

it('makes a picture that Blender made too large smaller', async () => {
  const large = await sharp(randomBytes(500 * 500 * 3), { raw: { width: 500, height: 500, channels: 3 } })
    .jpeg({ quality: 100 })
    .toBuffer();
  expect(large.length).toBeGreaterThan(MAX_PICTURE_BYTES);
  expect(await describeJpeg(await makePicture(large))).toMatchObject({ width: 320, height: 320 });
});

it.each([
  ['is no image', 'no image'],
  ['is cut off', null],
])('throws for a file that %s', async (_what, text) => {
  const path = join(folder, 'broken.png');
  const whole = await plain(640, 360).png({ compressionLevel: 0 }).toBuffer();
  writeFileSync(path, text ?? whole.subarray(0, whole.length / 2));
  await expect(makePicture(path)).rejects.toThrow();
});
