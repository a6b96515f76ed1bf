import { expect, test } from 'vitest';
import { changedServices } from './changed-services.js';

test('a built file of a service concerns that service', () => {
  expect(changedServices('/repo/services/api/dist/tasks/tasks.service.js')).toEqual(['api']);
});

test('a built file of a package concerns every service', () => {
  expect(changedServices('/repo/packages/platform/dist/database.js')).toEqual([
    'auth',
    'api',
    'worker',
  ]);
});

test.each([
  '/repo/services/api/dist/app.d.ts',
  '/repo/services/api/dist/.tsbuildinfo',
  '/repo/docs/x.js',
])('%s concerns nobody', (file) => {
  expect(changedServices(file)).toEqual([]);
});
