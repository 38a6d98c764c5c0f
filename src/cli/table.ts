import { paint, type Style, toPlainText } from './text.ts';

export interface Column<Row> {
  readonly header: string;
  read(row: Row): string;
  readonly align?: 'right';
  style?(row: Row): Style | undefined;
}

/** Lines of text: a header, then a line a row. The last column is not padded. */
export function formatTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = rows.map((row) => columns.map((column) => toPlainText(column.read(row))));
  const widths = columns.map(({ header }, at) => Math.max(header.length, ...cells.map((line) => line[at]!.length)));
  const pad = (text: string, at: number) => {
    if (columns[at]!.align === 'right') return text.padStart(widths[at]!);
    return at === columns.length - 1 ? text : text.padEnd(widths[at]!);
  };
  const header = columns.map(({ header: text }, at) => paint('dim', pad(text, at))).join('  ');
  const lines = rows.map((row, index) =>
    columns
      .map(({ style }, at) => {
        const text = pad(cells[index]![at]!, at);
        const chosen = style?.(row);
        return chosen === undefined ? text : paint(chosen, text);
      })
      .join('  '),
  );
  return `${[header, ...lines].join('\n')}\n`;
}
