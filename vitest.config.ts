import { defineConfig } from 'vitest/config';

/** What Node itself takes of a package: with Vite's own `development` there would be a second copy of graphql. */
const CONDITIONS = ['module-sync', 'node'];

export default defineConfig({
  resolve: { conditions: CONDITIONS },
  ssr: { resolve: { conditions: CONDITIONS, externalConditions: CONDITIONS } },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: ['default'],
  },
});
