import type { FileBytes } from './file-bytes.ts';

/** Bytes of a value, by its type (TIFF 6.0, section 2). */
const TYPE_BYTES: Readonly<Record<number, number>> = {
  1: 1,
  2: 1,
  3: 2,
  4: 4,
  5: 8,
  6: 1,
  7: 1,
  8: 2,
  9: 4,
  10: 8,
  11: 4,
  12: 8,
};
const SHORT = 3;
const STRIP_OFFSETS = 273;
const STRIP_BYTE_COUNTS = 279;
const ENTRY_BYTES = 12;

interface Entry {
  readonly tag: number;
  readonly values: readonly number[];
}

/**
 * What is missing in a TIFF file. It has no end mark: the directory, whose place the header names, all values that it
 * points to, and the strips of the picture must lie within the file.
 */
export async function findTiffFault(file: FileBytes): Promise<string | undefined> {
  const head = await file.read(0, 8);
  const order = head.toString('latin1', 0, 2);
  if (head.length < 8 || (order !== 'II' && order !== 'MM')) return 'it is no TIFF file';
  const isLittle = order === 'II';
  const directory = readNumber(head, 4, 4, isLittle);
  const count = directory < 8 ? Buffer.alloc(0) : await file.read(directory, 2);
  if (count.length < 2) return 'its directory is missing';
  const entries = await file.read(directory + 2, readNumber(count, 0, 2, isLittle) * ENTRY_BYTES);
  if (entries.length < readNumber(count, 0, 2, isLittle) * ENTRY_BYTES) return 'its directory is cut off';
  const found = new Map<number, readonly number[]>();
  for (let at = 0; at < entries.length; at += ENTRY_BYTES) {
    const entry = await readEntry(file, entries.subarray(at, at + ENTRY_BYTES), isLittle);
    if (entry === undefined) return 'a part of its directory is cut off';
    found.set(entry.tag, entry.values);
  }
  const sizes = found.get(STRIP_BYTE_COUNTS) ?? [];
  const isCutOff = found.get(STRIP_OFFSETS)?.some((offset, strip) => offset + (sizes[strip] ?? 0) > file.size);
  return isCutOff ? 'a part of the picture is cut off' : undefined;
}

/** @returns undefined when its values lie beyond the file's end */
async function readEntry(file: FileBytes, entry: Buffer, isLittle: boolean): Promise<Entry | undefined> {
  const tag = readNumber(entry, 0, 2, isLittle);
  const type = readNumber(entry, 2, 2, isLittle);
  const count = readNumber(entry, 4, 4, isLittle);
  const bytes = count * (TYPE_BYTES[type] ?? 0);
  const offset = readNumber(entry, 8, 4, isLittle);
  if (bytes > 4 && offset + bytes > file.size) return undefined;
  if (tag !== STRIP_OFFSETS && tag !== STRIP_BYTE_COUNTS) return { tag, values: [] };
  const data = bytes > 4 ? await file.read(offset, bytes) : entry.subarray(8);
  const width = type === SHORT ? 2 : 4;
  return { tag, values: Array.from({ length: count }, (_, i) => readNumber(data, i * width, width, isLittle)) };
}

function readNumber(bytes: Buffer, offset: number, width: number, isLittle: boolean): number {
  return isLittle ? bytes.readUIntLE(offset, width) : bytes.readUIntBE(offset, width);
}
