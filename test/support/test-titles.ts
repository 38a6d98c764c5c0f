import { readFileSync } from 'node:fs';

/** `it(`, `describe.each(…)(`, or the end of a longer `.each(…`, with the title that follows. */
const TITLED = /^( *)(?:(?:it|describe)(?:\.\w+)*(?:\(.*\))?|[\])]+)\(\s*(['"`])((?:\\.|(?!\2)[^\\])*)\2,/gm;

/**
 * The full titles of a test file, as `describe it`: of `.each` the template. What lies within what is told by the
 * indentation, so the file has to be formatted.
 */
export function readTestTitles(path: string): string[] {
  const found = [...readFileSync(path, 'utf8').matchAll(TITLED)];
  const around: { indent: number; title: string }[] = [];
  return found.map(([, indentation, , quoted]) => {
    const indent = indentation!.length;
    const outer = around.findLast((each) => each.indent < indent);
    const own = quoted!.replaceAll(/\\(.)/g, '$1');
    const title = outer ? `${outer.title} ${own}` : own;
    around.push({ indent, title });
    return title;
  });
}
