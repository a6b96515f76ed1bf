import { createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KeyObject } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rolePermissions } from '@capstone/contracts/permissions';
import { audience, issuer } from './fake-auth.js';
import { TestApi } from './api-app.js';

let api: TestApi;
let url: string;
let trap: Server;
let trapped = 0;

beforeAll(async () => {
  api = await TestApi.start();
  url = `http://127.0.0.1:${await api.app.listen('127.0.0.1', 0)}/api/v1/tasks`;
  trap = createServer((_request, response) => {
    trapped += 1;
    response.end('{"keys":[]}');
  });
  await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  trap.close();
  await api.stop();
});

/** Over a socket, as an attacker comes: an answer made inside the process would skip Node's own parser. */
async function answerTo(token: string) {
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  const headers = Object.fromEntries(response.headers);
  const { traceId: _, ...body } = (await response.json()) as Record<string, unknown>;
  return { status: response.status, challenge: headers['www-authenticate'], body };
}

const now = () => Math.floor(Date.now() / 1_000);
const trapUrl = () => `http://127.0.0.1:${(trap.address() as AddressInfo).port}/keys.json`;
const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

function compact(header: object, claims: unknown, signWith: (input: string) => Buffer | string) {
  const input = `${encode(header)}.${encode(claims)}`;
  const signature = signWith(input);
  return `${input}.${typeof signature === 'string' ? signature : signature.toString('base64url')}`;
}

const es256 = (key: KeyObject) => (input: string) =>
  sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
const hmac = (algorithm: string, secret: Buffer | string) => (input: string) =>
  createHmac(algorithm, secret).update(input).digest();

const header = (more: object = {}) => ({
  alg: 'ES256',
  typ: 'at+jwt',
  kid: api.auth.keyId,
  ...more,
});
const claims = (more: object = {}) => ({ ...api.auth.goodClaims(), ...more });
/** By the right key: only what `more` says is wrong. */
const ours = (moreClaims: object, moreHeader: object = {}) =>
  compact(header(moreHeader), claims(moreClaims), es256(api.auth.privateKeyObject));

/** Every form in which somebody could feed the published key to an HMAC. */
function publicKeyForms(): [string, Buffer | string][] {
  const jwk = api.auth.publicJwk;
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  const pem = key.export({ format: 'pem', type: 'spki' }).toString();
  const der = key.export({ format: 'der', type: 'spki' });
  const [x, y] = [Buffer.from(jwk.x!, 'base64url'), Buffer.from(jwk.y!, 'base64url')];
  const point = Buffer.concat([Buffer.from([4]), x, y]);
  const compressed = Buffer.concat([Buffer.from([2 + (y.at(-1)! & 1)]), x]);
  const { kty, crv } = jwk;
  return [
    ['PEM', pem],
    ['PEM without its last newline', pem.trimEnd()],
    ['PEM with CRLF', pem.replaceAll('\n', '\r\n')],
    ['PEM in one line', pem.replaceAll(/-----.*-----|\n/g, '')],
    ['DER', der],
    ['DER in hex', der.toString('hex')],
    ['the point', point],
    ['the point in base64url', point.toString('base64url')],
    ['the compressed point', compressed],
    ['x and y', Buffer.concat([x, y])],
    ['x', x],
    ['x in base64url', jwk.x!],
    ['JWK', JSON.stringify(jwk)],
    ['the members of a thumbprint', JSON.stringify({ crv, kty, x: jwk.x, y: jwk.y })],
    ['JWK set', JSON.stringify({ keys: [jwk] })],
    ['key id', api.auth.keyId],
    ['nothing', ''],
  ];
}

const attacks: Record<string, () => [string, string][]> = {
  'is not signed': () =>
    ['none', 'None', 'NONE', 'nOnE', '', ' none'].flatMap((alg): [string, string][] => [
      [`alg ${alg}`, compact(header({ alg }), claims(), () => '')],
      [`alg ${alg} with a signature`, compact(header({ alg }), claims(), () => 'AAAA')],
      [
        `alg ${alg} with our signature`,
        compact(header({ alg }), claims(), es256(api.auth.privateKeyObject)),
      ],
    ]),
  'is signed with the public key as a secret': () =>
    publicKeyForms().flatMap(([form, secret]) =>
      [
        ['HS256', 'sha256'],
        ['HS384', 'sha384'],
        ['HS512', 'sha512'],
        ['ES256', 'sha256'],
      ].map(([alg, digest]): [string, string] => [
        `${alg} over ${form}`,
        compact(header({ alg }), claims(), hmac(digest!, secret)),
      ]),
    ),
  'brings or points to its own key': () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const jwk = { ...publicKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig' };
    const x5c = [publicKey.export({ format: 'der', type: 'spki' }).toString('base64')];
    return [
      ['jwk', { jwk }],
      ['jwk with our id', { jwk: { ...jwk, kid: api.auth.keyId } }],
      ['jku', { jku: trapUrl() }],
      ['x5u', { x5u: trapUrl() }],
      ['x5c', { x5c }],
      ['a key id that is an address', { kid: trapUrl() }],
      ['a key id that is a path', { kid: '../../../../dev/null' }],
      ['a key id that is a query', { kid: "' union select 'x" }],
      ['a key id of a prototype', { kid: '__proto__' }],
      ['a key id that is no text', { kid: { toString: 'x' } }],
      ['a list of key ids', { kid: [api.auth.keyId] }],
    ].map(([name, more]) => [
      name as string,
      compact(header(more as object), claims(), es256(privateKey)),
    ]);
  },
  'has a header we do not understand': () => [
    ['crit', ours({}, { crit: ['future'], future: 1 })],
    ['crit without the member', ours({}, { crit: ['future'] })],
    ['an empty crit', ours({}, { crit: [] })],
    ['crit that names a registered member', ours({}, { crit: ['kid'] })],
    ['crit that is no list', ours({}, { crit: 'exp' })],
    ['an unencoded payload', ours({}, { b64: false, crit: ['b64'] })],
    ['16 KB of padding in it', ours({}, { padding: 'x'.repeat(16_384) })],
    ['16 KB of key id', ours({}, { kid: 'x'.repeat(16_384) })],
  ],
  'is another kind of token': () => [
    ...['JWT', 'jwt', 'AT+JWS', 'ctx+jwt', 'id+jwt', 'logout+jwt', '', 7].map(
      (typ): [string, string] => [`typ ${typ}`, ours({}, { typ })],
    ),
    ['no typ', ours({}, { typ: undefined })],
    ['five parts', `${ours({})}.AAAA.AAAA`],
    ['two parts', ours({}).split('.').slice(0, 2).join('.')],
    ['a refresh token', `cap_rt_${'a'.repeat(49)}`],
  ],
  'is for others or by others': () => [
    ...[[audience], ['capstone-worker'], [audience, 'x'], 'capstone-worker', '', null, 7].map(
      (aud): [string, string] => [`aud ${JSON.stringify(aud)}`, ours({ aud })],
    ),
    ...[`${issuer}/`, issuer.toUpperCase(), issuer.replace('https', 'http'), '', null].map(
      (iss): [string, string] => [`iss ${JSON.stringify(iss)}`, ours({ iss })],
    ),
    ['iss as a list', ours({ iss: [issuer] })],
  ],
  'is not of this time': () => [
    ['expired', ours({ iat: now() - 200, exp: now() - 6 })],
    ['issued in the future', ours({ iat: now() + 60 })],
    ['issued long ago, to expire late', ours({ iat: now() - 400, exp: now() + 400 })],
    ['not valid yet', ours({ nbf: now() + 60 })],
    ['milliseconds', ours({ iat: Date.now(), exp: Date.now() + 300_000 })],
    ['exp as text', ours({ exp: String(now() + 300) })],
    ['iat as text', ours({ iat: String(now()) })],
    ['nbf as text', ours({ nbf: String(now()) })],
    ['auth_time as text', ours({ auth_time: String(now()) })],
    ['exp as a list', ours({ exp: [now() + 300] })],
    ['exp null', ours({ exp: null })],
    ['exp with a fraction', ours({ exp: now() + 0.5 })],
    ['exp beyond all numbers', ours({}).replace(/\..*/, '') + `.${encode('{"exp":1e999}')}.AAAA`],
  ],
  'says what no token says': () => [
    ['claims that are a list', compact(header(), [claims()], es256(api.auth.privateKeyObject))],
    ['claims that are null', compact(header(), null, es256(api.auth.privateKeyObject))],
    ['claims that are no JSON', compact(header(), '{"sub":', es256(api.auth.privateKeyObject))],
    ['a subject that is no id', ours({ sub: `' or 1=1` })],
    ['an assurance of three', ours({ aal: 3 })],
    ['a role we do not have', ours({ role: 'root' })],
    ['scopes as a list', ours({ scope: [...rolePermissions.owner] })],
  ],
  'is written otherwise': () => {
    const good = ours({});
    const [head = '', body = '', signature = ''] = good.split('.');
    const last = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const sibling = last[last.indexOf(signature.at(-1)!) ^ 1]!;
    return [
      ['other spare bits at its end', `${head}.${body}.${signature.slice(0, -1)}${sibling}`],
      ['padding', `${good}==`],
      ['padding inside', `${head}==.${body}.${signature}`],
      [
        'the other base64',
        `${head}.${body}.${Buffer.from(signature, 'base64url').toString('base64')}`,
      ],
      ['a signature in DER', derSigned()],
      ['a signature of zeros', `${head}.${body}.${Buffer.alloc(64).toString('base64url')}`],
      ['half a signature', `${head}.${body}.${signature.slice(0, 43)}`],
      ['a longer signature', `${good}AAAA`],
      ['a dot more', `${good}.`],
      ['empty parts', '..'],
    ];
  },
};

function derSigned(): string {
  return compact(header(), claims(), (input) =>
    sign('sha256', Buffer.from(input), { key: api.auth.privateKeyObject, dsaEncoding: 'der' }),
  );
}

describe('T-02 a token', () => {
  test('that nothing is wrong with is taken, so what follows is refused for its fault', async () => {
    expect(await answerTo(ours({}))).toMatchObject({ status: 200 });
  });

  test.each(Object.keys(attacks))(
    'that %s is 401 with one body, and nobody else is asked',
    async (kind) => {
      const jwksBefore = api.auth.calls.getJwks ?? 0;
      for (const [name, token] of attacks[kind]!()) {
        expect(await answerTo(token), name).toEqual({
          status: 401,
          challenge: 'Bearer error="invalid_token"',
          body: {
            type: 'urn:capstone:problem:token-invalid',
            title: 'The access token is not valid',
            status: 401,
            instance: '/api/v1/tasks',
            code: 'token-invalid',
          },
        });
      }
      expect(trapped).toBe(0);
      // auth itself may be asked for an unknown key id, once in 30 s.
      expect((api.auth.calls.getJwks ?? 0) - jwksBefore).toBeLessThanOrEqual(1);
    },
  );

  test('T-03 of another kind opens nothing, however good it is elsewhere', async () => {
    const secret = 'a'.repeat(43);
    for (const token of [
      `cap_rt_${secret}000000`,
      `cap_mfa_${secret}`,
      `cap_dev_${'a'.repeat(22)}.1800000000.${secret}`,
      ours({}, { typ: 'JWT' }),
      ours({}, { typ: 'id+jwt' }),
    ]) {
      expect(await answerTo(token), token).toMatchObject({ status: 401 });
    }
  });

  test('T-10 with an unknown key id asks auth at most once in 30 s, and is 401 each time', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const before = api.auth.calls.getJwks ?? 0;

    for (let batch = 0; batch < 10; batch += 1) {
      const answers = await Promise.all(
        Array.from({ length: 100 }, () =>
          answerTo(compact(header({ kid: uuidv7() }), claims(), es256(privateKey))),
        ),
      );
      expect(answers.every(({ status }) => status === 401)).toBe(true);
    }

    expect((api.auth.calls.getJwks ?? 0) - before).toBeLessThanOrEqual(1);
  });
});
