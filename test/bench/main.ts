import { readdirSync } from 'node:fs';

/** `npm run bench -- NAME [ARG…]`: a measurement beside a floor of the same run. */
const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts') && file !== 'main.ts')
  .map((file) => file.slice(0, -3));
const [name = '', ...args] = process.argv.slice(2);
if (names.includes(name)) {
  const { run } = (await import(`./${name}.ts`)) as { run(args: readonly string[]): Promise<void> };
  await run(args);
} else {
  console.error(`Which measurement? npm run bench -- ${names.join(' | ')}`);
  process.exitCode = 2;
}
