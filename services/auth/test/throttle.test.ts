import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AuthApp, bearing, somebody } from './auth-app.js';
import type { AuthClient, Person } from './auth-app.js';

const settings = {
  AUTH_LIMIT_ACCOUNT_SOURCE: '10/600',
  AUTH_LIMIT_SOURCE: '40/60',
  AUTH_LIMIT_ACCOUNT: '30/3600',
  AUTH_HASHING_CONCURRENCY: '4',
};

let t: AuthApp;
beforeAll(async () => {
  t = await AuthApp.start(settings);
});
afterAll(() => t.stop());

let lastSource = 0;
/** Nobody else's, so that tests do not use up each other's places. */
const newSource = () => `198.51.${Math.floor(lastSource / 250)}.${(lastSource++ % 250) + 1}`;

interface From {
  readonly address: string | undefined;
  readonly deviceToken?: string | undefined;
  readonly at?: AuthClient;
}

function logIn({ email, password }: Person, { address, deviceToken, at = t.as.api }: From) {
  return at.accounts.login({
    email,
    password,
    workspaceId: undefined,
    source: address === undefined ? undefined : { address, userAgent: '' },
    deviceToken,
  });
}

/** `judged`, `refused` or, for a right password, `in`. */
async function outcomeOf(login: Promise<unknown>) {
  const code = await login.then(
    () => 'in',
    (problem: { code: string }) => problem.code,
  );
  return { 'credentials-invalid': 'judged', 'rate-limited': 'refused' }[code] ?? code;
}

async function outcomes(count: number, login: (at: number) => Promise<unknown>) {
  const counts: Record<string, number> = {};
  for (let at = 0; at < count; at += 1) {
    const outcome = await outcomeOf(login(at));
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
}

const wrong = (person: Person) => ({ ...person, password: 'not the password' });

describe('wrong passwords for one account from one place', () => {
  test('A-08 are looked at ten times and then refused with a time to come back', async () => {
    const address = newSource();
    const person = await t.signUp();

    expect(await outcomes(12, () => logIn(wrong(person), { address }))).toEqual({
      judged: 10,
      refused: 2,
    });
    const refused = await logIn(person, { address }).catch((problem: unknown) => problem);
    expect(refused).toMatchObject({ code: 'rate-limited' });
    const { retryAfterSeconds } = refused as { retryAfterSeconds: number };
    expect(retryAfterSeconds).toBeGreaterThan(20);
    expect(retryAfterSeconds).toBeLessThanOrEqual(30);
  });

  test('A-09 are looked at exactly ten times when fifty come at once, however the address is spelled', async () => {
    const address = newSource();
    const person = await t.signUp();
    const spellings = [person.email, person.email.toUpperCase(), ` ${person.email} `];

    const results = await Promise.all(
      Array.from({ length: 50 }, (_, at) =>
        outcomeOf(logIn({ ...wrong(person), email: spellings[at % 3]! }, { address })),
      ),
    );

    expect(results.filter((outcome) => outcome === 'judged')).toHaveLength(10);
    expect(results.filter((outcome) => outcome === 'refused')).toHaveLength(40);
  });

  test('A-10 count the same for an account that does not exist, and do not stand in its way later', async () => {
    const address = newSource();
    const person = somebody();
    expect(await outcomes(12, () => logIn(person, { address }))).toEqual({
      judged: 10,
      refused: 2,
    });

    await t.as.api.accounts.register({ ...person, name: undefined, source: undefined });

    expect(await outcomeOf(logIn(person, { address: newSource() }))).toBe('in');
  });

  test('A-10 are forgotten with a right one, from this place and for this account only', async () => {
    const [address, elsewhere] = [newSource(), newSource()];
    const person = await t.signUp();
    await outcomes(9, () => logIn(wrong(person), { address }));
    await outcomes(10, () => logIn(wrong(person), { address: elsewhere }));

    expect(await outcomeOf(logIn(person, { address }))).toBe('in');

    expect(await outcomes(10, () => logIn(wrong(person), { address }))).toEqual({ judged: 10 });
    expect(await outcomeOf(logIn(person, { address: elsewhere }))).toBe('refused');
  });

  test('A-08 are counted for a whole IPv6 network, and for all processes together', async () => {
    const person = await t.signUp();
    const another = await t.startAnother(settings);
    const from = (at: number): From => ({
      address: `2001:db8:${lastSource}:1::${at + 1}`,
      at: at % 2 === 0 ? t.as.api : another,
    });

    expect(await outcomes(12, (at) => logIn(wrong(person), from(at)))).toEqual({
      judged: 10,
      refused: 2,
    });
  });

  test('A-08 count in one shared place where the address is missing', async () => {
    const person = await t.signUp();

    const counts = await outcomes(12, () => logIn(wrong(person), { address: undefined }));

    expect(counts).toEqual({ judged: 10, refused: 2 });
  });
});

describe('the owner', () => {
  test('A-08 gets in from a device that is known, whatever strangers do from the same place', async () => {
    const address = newSource();
    const person = await t.signUp();
    const { deviceToken } = await logIn(person, { address });
    await outcomes(20, () => logIn(wrong(person), { address }));

    expect(await outcomeOf(logIn(person, { address }))).toBe('refused');
    expect(await outcomeOf(logIn(person, { address, deviceToken }))).toBe('in');
  });

  test('A-08 gets in from a place that is new while the whole world guesses', async () => {
    const person = await t.signUp();
    for (let place = 0; place < 12; place += 1) {
      const address = newSource();
      await outcomes(4, () => logIn(wrong(person), { address }));
    }

    expect(await outcomeOf(logIn(person, { address: newSource() }))).toBe('in');
  });

  test('A-08 whose account is attacked from everywhere is guarded by a stricter limit for each unknown place', async () => {
    const person = await t.signUp();
    for (let place = 0; place < 4; place += 1) {
      const address = newSource();
      await outcomes(10, () => logIn(wrong(person), { address }));
    }

    const address = newSource();
    expect(await outcomes(6, () => logIn(wrong(person), { address }))).toEqual({
      judged: 4,
      refused: 2,
    });
  });

  test('is told of a device once, and another’s device does not help a stranger', async () => {
    const address = newSource();
    const [ada, eve] = [await t.signUp(), await t.signUp()];
    const { deviceToken } = await logIn(eve, { address: newSource() });
    await outcomes(10, () => logIn(wrong(ada), { address }));

    expect((await logIn(eve, { address, deviceToken })).deviceToken).toBeUndefined();
    for (const token of [deviceToken, 'cap_dev_x', `cap_dev_${'a'.repeat(22)}.1700000000.x`]) {
      const tried = logIn(wrong(ada), { address, deviceToken: token });
      expect(await outcomeOf(tried)).toBe('refused');
    }
  });

  test('A-08 a known device has a limit of its own', async () => {
    const address = newSource();
    const person = await t.signUp();
    const { deviceToken } = await logIn(person, { address });

    expect(await outcomes(12, () => logIn(wrong(person), { address, deviceToken }))).toEqual({
      judged: 10,
      refused: 2,
    });
  });
});

describe('wrong passwords from one place', () => {
  test('A-08 for ever other accounts are refused until the window ends', async () => {
    const address = newSource();

    expect(await outcomes(42, () => logIn(somebody(), { address }))).toEqual({
      judged: 40,
      refused: 2,
    });
    const person = await t.signUp();
    expect(await outcomeOf(logIn(person, { address }))).toBe('refused');
    expect(await outcomeOf(logIn(person, { address: newSource() }))).toBe('in');
  });

  test('are not counted where nobody looked at them', async () => {
    const slow = await AuthApp.start({
      AUTH_LIMIT_ACCOUNT_SOURCE: '30/600',
      AUTH_HASHING_CONCURRENCY: '1',
    });
    const person = await slow.signUp();
    const from: From = { address: newSource(), at: slow.as.api };

    const results = await Promise.all(
      Array.from({ length: 25 }, () => outcomeOf(logIn(wrong(person), from))),
    );

    expect(results).toContain('overloaded');
    expect(await outcomeOf(logIn(person, from))).toBe('in');
    await slow.stop();
  });
});

describe('a stolen access token', () => {
  test('A-08 does not help to guess the password behind it', async () => {
    const person = await t.signUp();
    const { accessToken } = await t.signIn(person);
    const address = newSource();
    const stepUp = (password: string) =>
      t.as.api.accounts.stepUp(
        { password, source: { address, userAgent: '' } },
        bearing(accessToken),
      );

    expect(await outcomes(12, () => stepUp('not the password'))).toEqual({
      judged: 10,
      refused: 2,
    });
  });
});

describe('without Redis', () => {
  test('A-08 each process counts for itself, and still refuses', async () => {
    const alone = await AuthApp.start({
      AUTH_LIMIT_ACCOUNT_SOURCE: '3/600',
      REDIS_CACHE_URL: 'redis://localhost:1',
    });
    const person = await alone.signUp();
    const from: From = { address: newSource(), at: alone.as.api };

    expect(await outcomes(5, () => logIn(wrong(person), from))).toEqual({ judged: 3, refused: 2 });
    expect(await outcomeOf(logIn(person, { ...from, address: newSource() }))).toBe('in');
    await alone.stop();
  });
});

test('T-19 nothing in Redis names a person', async () => {
  const person = await t.signUp();
  await outcomeOf(logIn(wrong(person), { address: newSource() }));

  const keys = await cacheKeys();

  expect(keys.length).toBeGreaterThan(0);
  expect(keys.join(' ')).not.toContain(person.email);
});

async function cacheKeys(): Promise<string[]> {
  const { caFile, prefix } = t.redis;
  const redis = new Redis(t.redis.cacheUrl('admin'), {
    ...(caFile && { tls: { ca: readFileSync(caFile) } }),
  });
  const keys = await redis.keys(`${prefix}*`);
  redis.disconnect();
  return keys;
}
