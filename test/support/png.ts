import { readFile } from 'node:fs/promises';
import { crc32, inflateSync } from 'node:zlib';

export interface Png {
  readonly width: number;
  readonly height: number;
  /** Texts by keyword, as Blender writes its metadata. */
  readonly texts: ReadonlyMap<string, string>;
}

const SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex');

/** Reads a PNG to its last pixel. Throws when anything of it is missing, damaged, or of another file. */
export async function readPng(path: string): Promise<Png> {
  const file = await readFile(path);
  if (!file.subarray(0, 8).equals(SIGNATURE)) throw new Error(`${path} does not begin as a PNG.`);
  const chunks: { type: string; data: Buffer }[] = [];
  for (let offset = 8; offset < file.length; ) {
    const length = file.readUInt32BE(offset);
    const content = file.subarray(offset + 4, offset + 8 + length);
    if (crc32(content) !== file.readUInt32BE(offset + 8 + length))
      throw new Error(`${path} is damaged at byte ${offset}.`);
    chunks.push({ type: content.toString('latin1', 0, 4), data: content.subarray(4) });
    offset += 12 + length;
  }
  const header = chunks[0]!.data;
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  // Bits of a pixel by colour type: grey, RGB, palette, grey with alpha, RGB with alpha.
  const bits = header[8]! * { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }[header[9]!]!;
  const pixels = inflateSync(Buffer.concat(chunks.filter(({ type }) => type === 'IDAT').map(({ data }) => data)));
  if (chunks.at(-1)?.type !== 'IEND' || pixels.length !== height * (1 + Math.ceil((width * bits) / 8)))
    throw new Error(`${path} is not complete.`);
  const texts = chunks
    .filter(({ type }) => type === 'tEXt')
    .map(({ data }) => data.toString('latin1').split('\0', 2) as [string, string]);
  return { width, height, texts: new Map(texts) };
}
