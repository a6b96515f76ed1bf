import { readFileSync } from 'node:fs';
import { Client, credentials, status } from '@grpc/grpc-js';
import type { ChannelCredentials, ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AccountsServiceService } from '@capstone/contracts/generated/capstone/auth/v1/accounts_service';
import { KeysServiceService } from '@capstone/contracts/generated/capstone/auth/v1/keys_service';
import { RevocationsServiceService } from '@capstone/contracts/generated/capstone/auth/v1/revocations_service';
import { SessionsServiceService } from '@capstone/contracts/generated/capstone/auth/v1/sessions_service';
import { grpcAllow } from '@capstone/contracts/grpc-allow';
import { certificateFor, foreignCertificate } from '@capstone/testing/certs';
import { AuthApp } from './auth-app.js';

const methods = [
  AccountsServiceService,
  SessionsServiceService,
  KeysServiceService,
  RevocationsServiceService,
]
  .flatMap((service) => Object.values(service))
  .map(({ path }) => path);

let t: AuthApp;
beforeAll(async () => {
  t = await AuthApp.start();
});
afterAll(() => t.stop());

describe('the gRPC port', () => {
  test.each(
    methods.flatMap((path) =>
      (['api', 'worker', 'auth'] as const).map((who) => [who, path] as const),
    ),
  )('treats %s calling %s as the allow matrix says', async (who, path) => {
    const { code, details } = await attempt(path, withCertificate(certificateFor(who)));

    const denied =
      code === 'PERMISSION_DENIED' && details === 'This service may not call this method';
    expect(denied).toBe(!grpcAllow[path]!.includes(who));
  });

  test('lets the handler, not the certificate, refuse what api may call', async () => {
    const outcome = await attempt(
      '/capstone.auth.v1.AccountsService/Login',
      withCertificate(certificateFor('api')),
    );

    expect(outcome.code).toBe('INVALID_ARGUMENT');
  });

  test('refuses a method that does not exist like one that is not allowed', async () => {
    const outcome = await attempt(
      '/capstone.auth.v1.AccountsService/Delete',
      withCertificate(certificateFor('api')),
    );

    expect(outcome.code).not.toBe('OK');
  });

  test('refuses who has no certificate', async () => {
    const { caFile } = certificateFor('api');

    await expectNoAnswer(credentials.createSsl(readFileSync(caFile)));
  });

  test('refuses a certificate of another authority', async () => {
    await expectNoAnswer(withCertificate(foreignCertificate()));
  });

  test('refuses who does not speak TLS', async () => {
    await expectNoAnswer(credentials.createInsecure());
  });
});

function withCertificate(files: { caFile: string; certFile: string; keyFile: string }) {
  return credentials.createSsl(
    readFileSync(files.caFile),
    readFileSync(files.keyFile),
    readFileSync(files.certFile),
  );
}

/** A raw call with an empty message: what the port itself does, without our client's help. */
async function attempt(path: string, as: ChannelCredentials) {
  const client = new Client(`localhost:${t.port}`, as);
  try {
    return await new Promise<{ code: string; details: string }>((resolve) => {
      client.makeUnaryRequest(
        path,
        () => Buffer.alloc(0),
        (bytes: Buffer) => bytes,
        {},
        { deadline: Date.now() + 5_000 },
        (error: ServiceError | null) => {
          resolve(error ? { code: status[error.code], details: error.details } : ok);
        },
      );
    });
  } finally {
    client.close();
  }
}

const ok = { code: 'OK', details: '' };

async function expectNoAnswer(as: ChannelCredentials) {
  expect(await attempt('/capstone.auth.v1.KeysService/GetJwks', as)).toMatchObject({
    code: 'UNAVAILABLE',
  });
}
