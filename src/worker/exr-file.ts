import type { FileBytes } from './file-bytes.ts';

/** Scan lines in one chunk, by the header's compression byte (OpenEXR file layout). */
const LINES_PER_CHUNK = [1, 1, 1, 16, 32, 16, 32, 32, 32, 256] as const;
const LONGEST_HEADER = 1 << 20;
const TILED = 0x200;
const MULTI_PART = 0x1000;
const DEEP = 0x800;

interface ExrHeader {
  /** Where the header ends and the table of chunks begins. */
  readonly end: number;
  readonly attributes: ReadonlyMap<string, Buffer>;
}

/**
 * What is missing in an OpenEXR file. It has no end mark, but a table of where each chunk of lines begins, which stays
 * zero until the writer closes the file; the last chunk must lie within the file.
 */
export async function findExrFault(file: FileBytes): Promise<string | undefined> {
  const start = await file.read(0, Math.min(file.size, LONGEST_HEADER));
  if (start.length < 8 || start.readUInt32LE(0) !== 20000630) return 'it is no OpenEXR file';
  const flags = start.readUInt32LE(4);
  if (flags & (TILED | MULTI_PART | DEEP)) return undefined; // other layouts, which Blender's frames do not have
  const header = readHeader(start);
  if (header === undefined) return 'its header is cut off';
  const chunks = countChunks(header);
  if (chunks === undefined) return undefined; // a compression that is newer than this list
  const table = await file.read(header.end, chunks * 8);
  if (table.length < chunks * 8) return 'its table of lines is cut off';
  let last = 0;
  for (let chunk = 0; chunk < chunks; chunk++) {
    const offset = Number(table.readBigUInt64LE(chunk * 8));
    if (offset < header.end + chunks * 8) return `${chunks - chunk} of its ${chunks} chunks of lines are missing`;
    last = Math.max(last, offset);
  }
  const chunkHead = await file.read(last, 8); // line number, then the size of what follows
  return chunkHead.length < 8 || last + 8 + chunkHead.readInt32LE(4) > file.size
    ? 'its last lines are cut off'
    : undefined;
}

function readHeader(start: Buffer): ExrHeader | undefined {
  const attributes = new Map<string, Buffer>();
  let at = 8;
  while (at < start.length) {
    if (start[at] === 0) return { end: at + 1, attributes };
    const nameEnd = start.indexOf(0, at);
    const typeEnd = start.indexOf(0, nameEnd + 1);
    if (nameEnd < 0 || typeEnd < 0 || typeEnd + 5 > start.length) return undefined;
    const size = start.readInt32LE(typeEnd + 1);
    attributes.set(start.toString('latin1', at, nameEnd), start.subarray(typeEnd + 5, typeEnd + 5 + size));
    at = typeEnd + 5 + size;
  }
  return undefined;
}

function countChunks({ attributes }: ExrHeader): number | undefined {
  const window = attributes.get('dataWindow'); // xMin, yMin, xMax, yMax
  const compression = attributes.get('compression')?.[0];
  const lines = compression === undefined ? undefined : LINES_PER_CHUNK[compression];
  if (window === undefined || window.length < 16 || lines === undefined) return undefined;
  return Math.ceil((window.readInt32LE(12) - window.readInt32LE(4) + 1) / lines);
}
