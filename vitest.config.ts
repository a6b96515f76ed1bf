import { defineConfig } from 'vitest/config';

const folders = '{packages,services,deploy,load-tests}/**';

export default defineConfig({
  test: {
    // A fresh module graph per file costs four times the run time; files share nothing that they do not own.
    isolate: false,
    pool: 'threads',
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: [`${folders}/src/**/*.test.ts`] },
      },
      {
        extends: true,
        test: {
          name: 'component',
          include: [`${folders}/test/**/*.test.ts`],
          globalSetup: ['packages/testing/src/global-setup.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
