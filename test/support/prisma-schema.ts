import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import * as engineModule from '@prisma/schema-engine-wasm/schema_engine_bg';
import type { ClientConfig } from 'pg';

/**
 * The SQL by which Prisma would make a database for schema.prisma. Prisma's own command line fetches its engine from the
 * network; this is that engine in WebAssembly, which needs a database of its own to talk to, and changes nothing in it.
 *
 * @param config an empty database, by its fields: of a connection string the engine makes something else
 */
export async function draftSchema(config: ClientConfig): Promise<string> {
  const path = resolve('prisma/schema.prisma');
  const content = await readFile(path, 'utf8');
  await loadEngine();
  const engine = await engineModule.SchemaEngine.new(
    { datamodels: [[path, content]] },
    () => {},
    bindMigrationAwareSqlAdapterFactory(new PrismaPg(config)),
  );
  try {
    const { stdout } = await engine.diff({
      from: { tag: 'empty' },
      to: { tag: 'schemaDatamodel', files: [{ path, content }] },
      script: true,
      exitCode: null,
      filters: { externalTables: [], externalEnums: [] },
    });
    return stdout ?? '';
  } finally {
    engine.free();
  }
}

/** By hand, since Node does not take the package's own entry, an import of its .wasm file. */
async function loadEngine(): Promise<void> {
  const folder = dirname(createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg'));
  const bytes = await readFile(join(folder, 'schema_engine_bg.wasm'));
  const bindings = engineModule as unknown as WebAssembly.ModuleImports & { __wbg_set_wasm(exports: object): void };
  const { instance } = await WebAssembly.instantiate(bytes, { './schema_engine_bg.js': bindings });
  bindings.__wbg_set_wasm(instance.exports);
  (instance.exports as { __wbindgen_start(): void }).__wbindgen_start();
}
