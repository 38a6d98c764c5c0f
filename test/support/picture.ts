import { readFileSync } from 'node:fs';
import sharp from 'sharp';

/** A JPEG of one colour. */
export function makeJpeg(red = 0, { width = 32, height = 18 } = {}): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background: { r: red, g: 0, b: 0 } } })
    .jpeg()
    .toBuffer();
}

/** A JPEG of exactly so many bytes: what is missing stands in comments, which decoders skip. */
export async function padJpeg(bytes: number): Promise<Buffer> {
  const [soi, rest] = [Buffer.from('ffd8', 'hex'), (await makeJpeg()).subarray(2)];
  const comments: Buffer[] = [];
  for (let missing = bytes - 2 - rest.length; missing > 0; ) {
    // A comment holds from 0 to 65,533 bytes after its four; none must leave less than four to the next.
    const size = missing > 65_537 ? 60_000 : missing;
    const comment = Buffer.alloc(size, 'x');
    comment.writeUInt16BE(0xfffe, 0);
    comment.writeUInt16BE(size - 2, 2);
    comments.push(comment);
    missing -= size;
  }
  return Buffer.concat([soi, ...comments, rest]);
}

/** The mean of each channel, 0–255, and the size in pixels. */
export async function describeJpeg(jpeg: Buffer) {
  const image = sharp(jpeg);
  const { format, width, height } = await image.metadata();
  const { channels } = await image.stats();
  return { format, width, height, means: channels.map(({ mean }) => Math.round(mean)) };
}

/** The channels of an OpenEXR file with the types of their pixels, from its header. */
export function readExrChannels(path: string): Record<string, string> {
  const file = readFileSync(path);
  const mark = 'channels\0chlist\0';
  const channels: Record<string, string> = {};
  for (let at = file.indexOf(mark) + mark.length + 4; file[at] !== 0; ) {
    const end = file.indexOf(0, at);
    channels[file.toString('latin1', at, end)] = ['UINT', 'HALF', 'FLOAT'][file.readInt32LE(end + 1)]!;
    at = end + 1 + 16;
  }
  return channels;
}
