import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

const README = readFileSync(resolve(import.meta.dirname, '../../README.md'), 'utf8');

/** The text from a heading to the next one of its rank or above. */
export function readSection(heading: string): string {
  const start = new RegExp(`^(#+) ${heading}\n`, 'm').exec(README);
  if (!start) throw new Error(`The README has no heading "${heading}".`);
  const text = README.slice(start.index + start[0].length);
  const end = new RegExp(`^#{1,${start[1]!.length}} `, 'm').exec(withoutBlocks(text));
  return end ? text.slice(0, end.index) : text;
}

/** The fenced blocks of a language in a section, as they stand there; '' for those without one. */
export function readBlocks(heading: string, language: string): string[] {
  const blocks = readSection(heading).matchAll(/^```(\w*)\n(.*?)^```$/gms);
  return [...blocks].filter(([, name]) => name === language).map(([, , text]) => text!);
}

/** The only block of a language in a section. */
export function readBlock(heading: string, language: string): string {
  const blocks = readBlocks(heading, language);
  if (blocks.length !== 1) throw new Error(`There are ${blocks.length} ${language} blocks below "${heading}".`);
  return blocks[0]!;
}

/** Of the same length: a comment in a block is no heading. */
function withoutBlocks(text: string): string {
  return text.replace(/^```.*?^```$/gms, (block) => ' '.repeat(block.length));
}
