import { setTimeout as delay } from 'node:timers/promises';
import { ProblemDocument } from '@capstone/contracts/problem-document';
import { Tokens } from '@capstone/contracts/auth';
import { check, expectStatus, Missed, Person, type Probe } from './probe.js';

const closedRoutes = [
  ['GET', '/tasks'],
  ['POST', '/tasks'],
  ['GET', '/documents'],
  ['POST', '/documents'],
  ['POST', '/search'],
  ['GET', '/events'],
  ['GET', '/auth/me'],
] as const;
const revokedWithinMs = 5_000;
const replayWindowMs = 10_000;

/** Who is let in: milestone 2, zero trust at the door. */
export const accessProbes: readonly Probe[] = [
  {
    milestone: 2,
    item: 'Nothing answers without a token',
    proof: ['services/api/test/identity.test.ts'],
    async run({ api }) {
      for (const [method, path] of closedRoutes) {
        const answer = expectStatus(401, `${method} ${path}`, await api.send(method, path));
        ProblemDocument.parse(answer.json);
      }
      return `${closedRoutes.length} of ${closedRoutes.length} routes answered 401`;
    },
  },
  {
    milestone: 2,
    item: 'Forged tokens are refused: altered, unsigned, signed by nobody',
    proof: ['services/api/test/identity.test.ts'],
    async run({ api, ada }) {
      const [header = '', claims = '', signature = ''] = ada.token.split('.');
      const unsigned = base64url({ alg: 'none', typ: 'at+jwt' });
      const asAdmin = { ...(fromBase64url(claims) as object), role: 'owner', scope: 'everything' };
      const forgeries = [
        'garbage',
        `${header}.${claims}.${'A'.repeat(signature.length)}`,
        `${header}.${base64url(asAdmin)}.${signature}`,
        `${unsigned}.${claims}.`,
        `${unsigned}.${claims}.${signature}`,
      ];
      for (const token of forgeries) {
        expectStatus(401, 'a forged token', await api.send('GET', '/tasks', { token }));
      }
      return `${forgeries.length} of ${forgeries.length} forgeries answered 401`;
    },
  },
  {
    milestone: 2,
    item: 'Tokens are short-lived and signed so that only one service can make them',
    proof: [
      'services/auth/test/keys.test.ts',
      'docs/adr/0002-tokens-verified-locally-revoked-globally.md',
    ],
    async run({ api, ada }) {
      const { alg } = fromBase64url(ada.token.split('.')[0]!) as { alg: string };
      check(/^(ES|PS|RS|EdDSA|Ed)/.test(alg), `tokens are signed with ${alg}`);
      check(ada.expiresInSeconds <= 900, `tokens live ${ada.expiresInSeconds} s`);
      const answer = await api.send('GET', '//.well-known/jwks.json');
      const { keys } = expectStatus(200, 'the key set', answer).json as { keys: object[] };
      const secrets = keys.filter((key) => 'd' in key || 'k' in key);
      check(keys.length > 0 && secrets.length === 0, 'the published keys hold a private one');
      return `${alg}, ${ada.expiresInSeconds} s, ${keys.length} public keys`;
    },
  },
  {
    milestone: 2,
    item: 'A logout takes effect everywhere within 5 s',
    proof: ['services/api/test/identity.test.ts', 'services/auth/test/revocations.test.ts'],
    async run({ api, ada }) {
      const session = await Person.signIn(api, ada.account);
      await session.expect(200, 'GET', '/auth/me');
      await session.expect(204, 'POST', '/auth/logout');
      const startMs = performance.now();
      while ((await session.send('GET', '/auth/me')).status !== 401) {
        check(performance.now() - startMs < revokedWithinMs, 'the token still works after 5 s');
        await delay(20);
      }
      return `refused after ${Math.round(performance.now() - startMs)} ms`;
    },
  },
  {
    milestone: 2,
    item: 'A stolen refresh token that is used again ends the whole family',
    proof: ['services/auth/test/refresh.test.ts'],
    async run({ api, ada }) {
      const session = await Person.signIn(api, ada.account);
      const refresh = (refreshToken: string) =>
        api.send('POST', '/auth/refresh', { body: { refreshToken } });
      const { json } = expectStatus(200, 'a refresh', await refresh(session.refreshToken));
      const successor = Tokens.parse(json);
      check(successor.refreshToken !== session.refreshToken, 'refresh tokens are not rotated');
      // Within the window a lost answer may be asked for again; after it, a repetition is theft.
      await delay(replayWindowMs + 1_000);
      expectStatus(401, 'the used token', await refresh(session.refreshToken));
      expectStatus(401, 'its successor', await refresh(successor.refreshToken));
      return 'both the used token and its successor answered 401';
    },
  },
  {
    milestone: 2,
    item: 'Nobody can find out which addresses have an account',
    proof: ['services/auth/test/accounts.test.ts', 'services/api/test/auth.test.ts'],
    async run({ api, ada }) {
      const password = 'not the password of anybody';
      const stranger = `nobody.${Date.now()}@example.com`;
      const known = await api.send('POST', '/auth/login', {
        body: { email: ada.account.email, password },
      });
      const unknown = await api.send('POST', '/auth/login', {
        body: { email: stranger, password },
      });
      const again = await api.send('POST', '/auth/register', {
        body: { email: ada.account.email, password },
      });
      expectStatus(401, 'a wrong password', known);
      expectStatus(202, 'registering a known address', again);
      const codes = [known, unknown].map(({ status, json }) => `${status} ${codeOf(json)}`);
      check(codes[0] === codes[1], `they differ: ${codes.join(' and ')}`);
      return `${codes[0]} either way, 202 for an address that is taken`;
    },
  },
];

function codeOf(json: unknown): string {
  return ProblemDocument.parse(json).code;
}

function base64url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function fromBase64url(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    throw new Missed('the access token is not a JWT');
  }
}
