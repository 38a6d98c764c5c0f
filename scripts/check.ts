import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { findLayerFaults } from './layers.ts';

/** `npm run check`: everything about the code that can be held against a rule without running it. */

const ROOT = resolve(import.meta.dirname, '..');
const BIN = join(ROOT, 'node_modules', '.bin');

function run(name: string, command: string, ...args: string[]): boolean {
  const { status } = spawnSync(join(BIN, command), args, {
    cwd: ROOT,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  return report(name, status === 0 ? [] : [`${command} ${args.join(' ')} found something.`]);
}

function report(name: string, faults: readonly string[]): boolean {
  console.log(faults.length === 0 ? `✓ ${name}` : `✗ ${name}\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
  return faults.length === 0;
}

function hashGenerated(): string {
  const hash = createHash('sha256');
  for (const file of globSync('src/generated/**/*.ts', { cwd: ROOT }).sort())
    hash.update(file).update(readFileSync(join(ROOT, file)));
  return hash.digest('hex');
}

async function checkSchema(): Promise<string[]> {
  const { printSchema } = await import('graphql');
  const { schema } = await import('../src/graphql/schema.ts');
  const file = join(ROOT, 'schema.graphql');
  const isSame = existsSync(file) && readFileSync(file, 'utf8').replaceAll('\r\n', '\n') === `${printSchema(schema)}\n`;
  return isSame ? [] : ['schema.graphql is not what the code says: npm run schema'];
}

function checkGenerated(): string[] {
  const before = hashGenerated();
  const { status, stderr } = spawnSync(join(BIN, 'prisma'), ['generate'], {
    cwd: ROOT,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (status !== 0) return [`prisma generate failed: ${stderr}`];
  return before === hashGenerated()
    ? []
    : ['src/generated was not what prisma/schema.prisma says; it is now: run the check again'];
}

const results = [
  report('generated files', checkGenerated()),
  run('types', 'tsc', '--noEmit'),
  run('lint and format', 'biome', 'check', '.'),
  report('layers', findLayerFaults()),
  report('schema.graphql', await checkSchema()),
];
process.exitCode = results.every(Boolean) ? 0 : 1;
