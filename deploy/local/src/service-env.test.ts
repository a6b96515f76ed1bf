import { expect, test } from 'vitest';
import { serviceEnvironment } from './service-env.js';

const addresses = {
  databaseUrl: 'postgres://capstone_api:p@localhost:5432/app',
  databaseCaFile: '/ca.crt',
  queueUrl: 'rediss://api:p@localhost:1',
  cacheUrl: 'rediss://api:p@localhost:2',
  redisCaFile: undefined,
  certificate: { caFile: '/ca.crt', certFile: '/api.crt', keyFile: '/api.key' },
};
const secrets = { passwordPepper: 'one', tokenPepper: 'two', keyEncryptionKey: 'three' };

test('only auth gets its secrets', () => {
  const auth = Object.values(serviceEnvironment('auth', addresses, secrets));
  expect(auth).toEqual(expect.arrayContaining(Object.values(secrets)));

  for (const service of ['api', 'worker'] as const) {
    const values = Object.values(serviceEnvironment(service, addresses, secrets));
    for (const secret of Object.values(secrets)) expect(values).not.toContain(secret);
  }
});

test('api and worker find auth on the port that auth listens on', () => {
  const ports = { http: 18_080, grpc: 17_070, admin: 19_080 };

  expect(serviceEnvironment('auth', addresses, secrets, ports)).toMatchObject({
    GRPC_PORT: '17070',
  });
  expect(serviceEnvironment('api', addresses, secrets, ports)).toMatchObject({
    HTTP_PORT: '18080',
    ADMIN_PORT: '19080',
    AUTH_GRPC_TARGET: 'localhost:17070',
  });
  expect(serviceEnvironment('worker', addresses, secrets, ports)).toMatchObject({
    AUTH_GRPC_TARGET: 'localhost:17070',
  });
});

test('a server without a CA file of its own is verified against the system', () => {
  expect(serviceEnvironment('api', addresses, secrets)).not.toHaveProperty('REDIS_CA_FILE');
});
