import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');

/** What each folder of src may import: other folders, and the packages that are its business alone. */
// biome-ignore format: one layer per line, from the innermost out
const LAYERS: Record<string, { folders: readonly string[]; isPure?: true }> = {
  domain:      { folders: [], isPure: true },
  'job-types': { folders: ['domain'], isPure: true },
  'own-job-types': { folders: ['domain'] },
  generated:   { folders: [] },
  system:      { folders: [] },
  store:       { folders: ['domain', 'generated', 'system'] },
  feed:        { folders: ['domain', 'store'] },
  sweep:       { folders: ['domain', 'store'] },
  dispatch:    { folders: ['domain', 'store'] },
  graphql:     { folders: ['domain', 'store', 'feed', 'dispatch', 'generated'] },
  notices:     { folders: ['domain', 'store', 'feed', 'graphql'] },
  server:      { folders: ['domain', 'store', 'feed', 'sweep', 'dispatch', 'graphql', 'notices'] },
  client:      { folders: ['domain'] },
  worker:      { folders: ['domain', 'system'] },
  cli:         { folders: ['domain', 'job-types', 'own-job-types', 'store', 'notices', 'server', 'client', 'worker', 'system'] },
  main:        { folders: ['cli', 'domain'] },
};

/** Packages that only some layers may use. */
// biome-ignore format: one package per line
const PACKAGES: Record<string, readonly string[]> = {
  pg:              ['store', 'feed'],
  '@pothos':       ['graphql'],
  '@prisma':       ['store'],
  'graphql-yoga':  ['server'],
  commander:       ['cli', 'main'],
  'cli-progress':  ['cli'],
};

/** Every import that goes against the arrows, as one sentence each. */
export function findLayerFaults(): string[] {
  return globSync('src/**/*.ts', { cwd: ROOT })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => !file.startsWith('src/generated/'))
    .flatMap((file) => importsOf(file).flatMap((specifier) => faultOf(file, specifier) ?? []));
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return [
    ...text.matchAll(
      /(?:^|\n)\s*(?:import|export)\s(?:[^'"]*?\sfrom\s)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/g,
    ),
  ].map((match) => match[1] ?? match[2]!);
}

function layerOf(file: string): string {
  const [, first = ''] = file.split('/');
  return first.endsWith('.ts') ? 'main' : first;
}

function faultOf(file: string, specifier: string): string | null {
  const layer = layerOf(file);
  const rules = LAYERS[layer];
  if (!rules) return `${file}: the folder ${layer} has no place among the layers (scripts/layers.ts).`;
  if (specifier.startsWith('.')) {
    if (specifier.endsWith('/package.json')) return null;
    const target = layerOf(relative(ROOT, resolve(ROOT, dirname(file), specifier)).replaceAll('\\', '/'));
    return target === layer || rules.folders.includes(target)
      ? null
      : `${file}: ${layer} may not import ${target} (${specifier}).`;
  }
  if (rules.isPure) return `${file}: ${layer} is pure and may not import ${specifier}.`;
  const owner = Object.keys(PACKAGES).find((name) => specifier === name || specifier.startsWith(`${name}/`));
  return !owner || PACKAGES[owner]!.includes(layer)
    ? null
    : `${file}: only ${PACKAGES[owner]!.join(', ')} may import ${specifier}.`;
}
