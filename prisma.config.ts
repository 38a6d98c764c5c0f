import { defineConfig } from 'prisma/config';

// The command line fetches a schema engine even for `generate`, which never runs it: any existing file satisfies it.
process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= process.execPath;

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
});
