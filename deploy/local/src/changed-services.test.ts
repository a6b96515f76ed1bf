import { expect, test } from 'vitest';
import { changedServices } from './changed-services.js';

test('a source of a service concerns that service', () => {
  expect(changedServices('/repo/services/api/src/tasks/tasks.service.ts')).toEqual(['api']);
});

test('a source of a package concerns every service', () => {
  expect(changedServices('/repo/packages/platform/src/database.ts')).toEqual([
    'auth',
    'api',
    'worker',
  ]);
});

test.each([
  '/repo/services/api/src/tasks/cursor.test.ts',
  '/repo/services/api/README.md',
  '/repo/deploy/local/src/dev.ts',
])('%s concerns nobody', (file) => {
  expect(changedServices(file)).toEqual([]);
});
