import { validate as isUuid } from 'uuid';
import type { SortColumn, SortOrder, SortValue } from '../store/page-window.ts';

/** A place in a list as text that says nothing to whoever has it: the sort columns' values by name. */
export function writeCursor({ columns }: SortOrder, row: object): string {
  const values = columns.map(({ property }) => [property, (row as Record<string, unknown>)[property]]);
  return Buffer.from(JSON.stringify(Object.fromEntries(values))).toString('base64url');
}

/** The place of a cursor; null when it is none, or one of a list in another order. */
export function readCursor({ columns }: SortOrder, cursor: string): SortValue[] | null {
  const given = parseObject(Buffer.from(cursor, 'base64url').toString());
  if (!given || Object.keys(given).length !== columns.length) return null;
  const values = columns.map(({ property, type }) => ({ value: given[property], isOfType: IS_OF_TYPE[type] }));
  return values.every(({ value, isOfType }) => isOfType(value)) ? values.map(({ value }) => value as SortValue) : null;
}

const MAX_INTEGER = 2 ** 31;
// biome-ignore format: one type per line
const IS_OF_TYPE: Record<SortColumn['type'], (value: unknown) => boolean> = {
  integer:     (value) => Number.isInteger(value) && Math.abs(value as number) < MAX_INTEGER,
  text:        (value) => typeof value === 'string' && value.isWellFormed() && !value.includes('\0'),
  timestamptz: (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value) && !Number.isNaN(Date.parse(value)),
  uuid:        (value) => isUuid(value),
};

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
