import { MAX_PICTURE_BYTES, PICTURE_SIDE } from '../domain/frame-picture.ts';

/** A file that takes longer is none that a worker should be busy with. */
const LONGEST_SECONDS = 30;
/** The first that gives few enough bytes is taken; for frames that are no noise it is the first. */
const QUALITIES = [80, 60, 40, 20];

/**
 * Makes the small JPEG of a frame: its file, or a picture that Blender has made. One that is small enough stays as it
 * is. Transparency becomes black, as in a JPEG that Blender writes.
 *
 * @throws Error when the file cannot be read as an image
 */
export async function makePicture(source: string | Buffer): Promise<Buffer> {
  if (Buffer.isBuffer(source) && source.length <= MAX_PICTURE_BYTES) return source;
  const sharp = await loadSharp();
  const { data, info } = await sharp(source, { sequentialRead: true })
    .resize({ width: PICTURE_SIDE, height: PICTURE_SIDE, fit: 'inside', withoutEnlargement: true })
    .flatten()
    .toColourspace('srgb')
    .timeout({ seconds: LONGEST_SECONDS })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  for (const quality of QUALITIES) {
    const jpeg = await sharp(data, { raw: { width, height, channels } }).jpeg({ quality }).toBuffer();
    if (jpeg.length <= MAX_PICTURE_BYTES) return jpeg;
  }
  throw new Error(`A picture of ${width} × ${height} pixels has more than ${MAX_PICTURE_BYTES} bytes.`);
}

/** Only where a frame is rendered: workers without Blender never need it, nor its 25 MB of memory. */
async function loadSharp() {
  const { default: sharp } = await import('sharp');
  sharp.cache(false); // no file is read twice
  sharp.concurrency(1); // the other cores are Blender's
  return sharp;
}
