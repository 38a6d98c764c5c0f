import { open } from 'node:fs/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';

/** What the header is part of: the compressed beginning of a file holds it in any case. */
const BEGINNING_BYTES = 1024 * 1024;
const HEADER_BYTES = 17;
/** `BLENDER-v304`, and from 5.0 on `BLENDER17-01v0502`. */
const HEADER = /^BLENDER(?:[_-][vV](\d{3})|\d\d-\d\d[vV](\d{4}))/;

/**
 * The version of Blender that saved a .blend file, as `5.2`; null when it is none. Blender compresses with Zstandard, before
 * 3.0 with gzip.
 *
 * @throws when the file cannot be read
 */
export async function readBlendVersion(path: string): Promise<string | null> {
  const beginning = await readBeginning(path);
  const header = HEADER.exec((await decompressHeader(beginning)).toString('latin1'));
  const digits = header?.[1] ?? header?.[2];
  if (digits === undefined) return null;
  const version = Number(digits);
  return `${Math.floor(version / 100)}.${version % 100}`;
}

async function readBeginning(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(BEGINNING_BYTES), position: 0 });
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** The first bytes of what was compressed; those of the file where it is not, or cannot be read. */
async function decompressHeader(beginning: Buffer): Promise<Buffer> {
  const decompress = chooseDecompression(beginning);
  if (decompress === null) return beginning.subarray(0, HEADER_BYTES);
  const stream = decompress();
  stream.end(beginning); // that the rest is missing is found after the bytes that are wanted
  try {
    const read: Buffer[] = [];
    let size = 0;
    for await (const piece of stream) {
      read.push(piece as Buffer);
      size += (piece as Buffer).length;
      if (size >= HEADER_BYTES) break;
    }
    return Buffer.concat(read).subarray(0, HEADER_BYTES);
  } catch {
    return Buffer.alloc(0);
  }
}

function chooseDecompression(beginning: Buffer) {
  const magic = beginning.toString('hex', 0, 4);
  if (magic === '28b52ffd') return createZstdDecompress;
  return magic.startsWith('1f8b') ? createGunzip : null;
}
