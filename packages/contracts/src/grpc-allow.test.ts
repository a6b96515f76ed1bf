import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { grpcAllow } from './grpc-allow.js';

const generated = new URL('./generated/capstone/auth/v1/', import.meta.url);

test('the matrix names exactly the methods that the protos define, and the health check', async () => {
  const files = readdirSync(generated).filter((file) => file.endsWith('_service.ts'));
  const modules = await Promise.all(
    files.map((file) => import(new URL(file, generated).href) as Promise<Record<string, unknown>>),
  );

  expect(Object.keys(grpcAllow).toSorted()).toEqual(
    [...modules.flatMap(methodPaths), '/grpc.health.v1.Health/Check'].toSorted(),
  );
});

test('only the public door may sign people in', () => {
  expect(grpcAllow['/capstone.auth.v1.AccountsService/Login']).toEqual(['api']);
});

function methodPaths(module: Record<string, unknown>): string[] {
  return Object.entries(module)
    .filter(([name]) => name.endsWith('ServiceService'))
    .flatMap(([, definition]) => Object.values(definition as Record<string, { path: string }>))
    .map((method) => method.path);
}
