import { describe, expect, test } from 'vitest';
import type { X509Certificate } from 'node:crypto';
import { identityOf } from './spiffe.js';

const identityIn = (subjectAltName: string | undefined) =>
  identityOf({ subjectAltName } as X509Certificate);

const api = 'spiffe://capstone.internal/ns/prod/sa/api';

describe('identityOf', () => {
  test('reads the one SPIFFE URI, with or without DNS names beside it', () => {
    const identity = { namespace: 'prod', workload: 'api' };
    expect(identityIn(`URI:${api}`)).toEqual(identity);
    expect(identityIn(`DNS:localhost, URI:${api}, IP Address:127.0.0.1`)).toEqual(identity);
  });

  test.each([
    ['no SAN', undefined],
    ['only DNS names', 'DNS:api.capstone.internal'],
    ['two URIs', `URI:${api}, URI:${api}`],
    ['two different URIs', `URI:${api}, URI:https://example.org`],
    ['another trust domain', 'URI:spiffe://capstone.internal.evil.org/ns/prod/sa/api'],
    ['a trust domain that only looks alike', 'URI:spiffe://capstoneXinternal/ns/prod/sa/api'],
    ['an unknown workload', 'URI:spiffe://capstone.internal/ns/prod/sa/root'],
    ['more path', `URI:${api}/x`],
    ['a query', `URI:${api}?x=1`],
    ['another scheme', 'URI:https://capstone.internal/ns/prod/sa/api'],
    ['upper case', `URI:${api.toUpperCase()}`],
    ['a URI inside a quoted DNS name', `DNS:"x, URI:${api}"`],
    ['a quoted URI', `URI:"${api}, DNS:x"`],
    ['an unfinished quote', `DNS:"x, URI:${api}`],
  ])('%s names nobody', (_what, san) => {
    expect(identityIn(san)).toBeUndefined();
  });
});
