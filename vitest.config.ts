import { defineConfig } from 'vitest/config';

const folders = '{packages,services,deploy,load-tests}/**';
// These load the metrics of every service at once, into a registry that a process has once.
const together = 'deploy/observability/test/**/*.test.ts';

const onRealServers = {
  globalSetup: ['packages/testing/src/global-setup.ts'],
  testTimeout: 30_000,
  hookTimeout: 60_000,
};

export default defineConfig({
  test: {
    // A fresh module graph per file costs four times the run time; files share nothing that they do not own.
    isolate: false,
    pool: 'threads',
    // More than the cores of a small machine: most files wait for a process to die, a lease to end, a server to start.
    maxWorkers: 3,
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: [`${folders}/src/**/*.test.ts`] },
      },
      {
        extends: true,
        test: {
          ...onRealServers,
          name: 'component',
          include: [`${folders}/test/**/*.test.ts`],
          exclude: ['**/node_modules/**', together],
        },
      },
      {
        extends: true,
        test: { ...onRealServers, name: 'observability', include: [together], isolate: true },
      },
    ],
  },
});
