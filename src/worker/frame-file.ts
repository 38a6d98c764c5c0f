import { type FileHandle, open } from 'node:fs/promises';
import type { FrameFormat } from '../domain/output-path.ts';
import { AttemptFailure, errorCode } from './attempt-failure.ts';
import { findExrFault } from './exr-file.ts';
import type { FileBytes } from './file-bytes.ts';
import { findTiffFault } from './tiff-file.ts';

type FindFault = (file: FileBytes) => Promise<string | undefined>;

/** What shows that a file of the format is whole: its first bytes, and its end where the format has one. */
const FIND_FAULT: Readonly<Record<FrameFormat | 'MP4', FindFault>> = {
  PNG: async (file) =>
    (await startsWith(file, '89504e470d0a1a0a')) && (await endsWith(file, '0000000049454e44ae426082'))
      ? undefined
      : 'its end (IEND) is missing',
  JPEG: async (file) =>
    (await startsWith(file, 'ffd8ff')) && (await endsWith(file, 'ffd9')) ? undefined : 'its end (EOI) is missing',
  OPEN_EXR: findExrFault,
  TIFF: findTiffFault,
  WEBP: async (file) => {
    const head = await file.read(0, 12);
    if (head.toString('latin1', 0, 4) !== 'RIFF' || head.toString('latin1', 8, 12) !== 'WEBP')
      return 'it is no WebP file';
    return head.readUInt32LE(4) + 8 > file.size ? 'it is shorter than its header says' : undefined;
  },
  MP4: findMp4Fault,
};

/**
 * Checks that a frame (or video) was written to its end.
 * @returns its size in bytes
 * @throws AttemptFailure NO_FRAME when it is missing or empty, BAD_FRAME when it is not whole
 */
export async function verifyFile(path: string, format: FrameFormat | 'MP4'): Promise<number> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') throw new AttemptFailure('NO_FRAME', `"${path}" was not written.`);
    throw error;
  }
  try {
    const { size } = await handle.stat();
    if (size === 0) throw new AttemptFailure('NO_FRAME', `"${path}" is empty.`);
    const fault = await FIND_FAULT[format]({ size, read: (offset, length) => readAt(handle, offset, length) });
    if (fault !== undefined)
      throw new AttemptFailure('BAD_FRAME', `"${path}" (${size} bytes) is not complete: ${fault}.`);
    return size;
  } finally {
    await handle.close();
  }
}

async function readAt(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, offset);
  return buffer.subarray(0, bytesRead);
}

async function startsWith(file: FileBytes, hex: string): Promise<boolean> {
  return (await file.read(0, hex.length / 2)).toString('hex') === hex;
}

async function endsWith(file: FileBytes, hex: string): Promise<boolean> {
  const length = hex.length / 2;
  return file.size >= length && (await file.read(file.size - length, length)).toString('hex') === hex;
}

/** An MP4 is a row of boxes, each with its size in front; `moov`, the index, is written last. */
async function findMp4Fault(file: FileBytes): Promise<string | undefined> {
  const kinds: string[] = [];
  for (let offset = 0; offset < file.size; ) {
    const head = await file.read(offset, 16);
    if (head.length < 8) return 'its last part is cut off';
    const short = head.readUInt32BE(0);
    const size =
      short === 1 && head.length === 16 ? Number(head.readBigUInt64BE(8)) : short === 0 ? file.size - offset : short;
    if (size < 8 || offset + size > file.size) return 'its last part is cut off';
    kinds.push(head.toString('latin1', 4, 8));
    offset += size;
  }
  if (kinds[0] !== 'ftyp') return 'it is no MP4 file';
  return kinds.includes('moov') ? undefined : 'its index (moov) is missing';
}
