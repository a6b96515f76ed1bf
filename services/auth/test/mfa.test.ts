import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stepAt, totpCode } from '../src/factors/totp.js';
import { AuthApp, bearing, claimsOf } from './auth-app.js';
import type { Person } from './auth-app.js';

let t: AuthApp;
beforeAll(async () => {
  t = await AuthApp.start();
});
afterAll(() => t.stop());

const wrongCode = '000000';

describe('a first factor alone', () => {
  test('M-04 yields a challenge and nothing that opens a door', async () => {
    const { person } = await enrolled();

    const answer = await logIn(person);

    expect(answer.tokens).toBeUndefined();
    expect(answer.mfaRequired).toMatchObject({ methods: ['totp', 'recovery_code'] });
    const { challengeId } = answer.mfaRequired!;
    for (const use of [t.me(challengeId), t.logout(challengeId)]) {
      await expect(use).rejects.toMatchObject({ code: 'token-invalid' });
    }
    await expect(t.refresh(challengeId)).rejects.toMatchObject({ code: 'refresh-token-invalid' });
    expect(await liveSessions(person)).toEqual([]);
  });

  test('is enough again once the app is removed', async () => {
    const { person, secret } = await enrolled();
    const tokens = await signInFully(person, secret);
    await forgetSteps(person);

    await t.as.api.mfa.removeTotp(
      { code: codeOf(secret), source: undefined },
      bearing(tokens.accessToken),
    );

    expect((await t.signIn(person)).claims.aal).toBe(1);
    expect(
      await t.query('select 1 from auth.recovery_codes where user_id = $1', [tokens.claims.sub]),
    ).toEqual([]);
  });
});

describe('VerifyMfa', () => {
  test('M-05 gives a session of assurance 2, which refresh keeps and the next password does not have', async () => {
    const { person, secret } = await enrolled();
    const tokens = await signInFully(person, secret);

    expect(tokens.claims.aal).toBe(2);
    expect((await t.refresh(tokens.refreshToken)).claims.aal).toBe(2);
    expect((await logIn(person)).tokens).toBeUndefined();
  });

  test.each([-3, -2, 2])('M-01 refuses the code of the step %d away', async (distance) => {
    const { person, secret } = await enrolled();

    await expect(verify(await challengeOf(person), codeOf(secret, distance))).rejects.toMatchObject(
      { code: 'mfa-code-invalid' },
    );
  });

  test('M-02 takes one code once, over all challenges', async () => {
    const { person, secret } = await enrolled();
    const code = codeOf(secret);
    const [first, second] = [await challengeOf(person), await challengeOf(person)];

    const outcomes = await Promise.allSettled([verify(first, code), verify(second, code)]);

    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    await expect(verify(await challengeOf(person), code)).rejects.toMatchObject({
      code: 'mfa-code-invalid',
    });
  });

  test('M-05 takes a challenge once, and not after its time', async () => {
    const { person, secret } = await enrolled();
    const challenge = await challengeOf(person);
    await verify(challenge, codeOf(secret));
    await forgetSteps(person);
    await expect(verify(challenge, codeOf(secret))).rejects.toMatchObject({
      code: 'mfa-challenge-invalid',
    });

    const late = await challengeOf(person);
    await t.query(`update auth.mfa_challenges set expires_at = now() where consumed_at is null`);
    await expect(verify(late, codeOf(secret))).rejects.toMatchObject({
      code: 'mfa-challenge-invalid',
    });
  });

  test('M-05 opens the account of the challenge, whoever asks, and takes no code of another', async () => {
    const [ada, eve] = [await enrolled(), await enrolled()];

    await expect(verify(await challengeOf(ada.person), codeOf(eve.secret))).rejects.toMatchObject({
      code: 'mfa-code-invalid',
    });
  });

  test('M-03 looks at five codes a challenge, also when they come at once', async () => {
    const { person, secret } = await enrolled();
    const challenge = await challengeOf(person);

    const outcomes = await Promise.allSettled(
      Array.from({ length: 12 }, () => verify(challenge, wrongCode)),
    );

    expect(codesOf(outcomes)).toEqual({ 'mfa-code-invalid': 5, 'mfa-challenge-invalid': 7 });
    await expect(verify(challenge, codeOf(secret))).rejects.toMatchObject({
      code: 'mfa-challenge-invalid',
    });
  });

  test('M-03 locks the app for 15 min after ten wrong codes in a row, and a recovery code still opens', async () => {
    const { person, secret, recoveryCodes } = await enrolled();
    for (const challenge of [await challengeOf(person), await challengeOf(person)]) {
      for (let attempt = 0; attempt < 5; attempt += 1) {
        await expect(verify(challenge, wrongCode)).rejects.toMatchObject({
          code: 'mfa-code-invalid',
        });
      }
    }

    const locked = await verify(await challengeOf(person), codeOf(secret)).catch(
      (problem: { code: string; retryAfterSeconds: number }) => problem,
    );
    expect(locked).toMatchObject({ code: 'mfa-locked' });
    expect((locked as { retryAfterSeconds: number }).retryAfterSeconds).toBeGreaterThan(890);
    expect(await recover(await challengeOf(person), recoveryCodes[0]!)).toMatchObject({ aal: 2 });

    await t.query(`update auth.totp_factors set locked_until = now()`);
    expect(await verify(await challengeOf(person), codeOf(secret))).toMatchObject({ aal: 2 });
  });

  test('M-03 counts wrong codes in a row: a right one begins anew', async () => {
    const { person, secret } = await enrolled();
    for (let round = 0; round < 3; round += 1) {
      const challenge = await challengeOf(person);
      for (let attempt = 0; attempt < 4; attempt += 1) {
        await verify(challenge, wrongCode).catch(() => undefined);
      }
      await forgetSteps(person);
      expect(await verify(challenge, codeOf(secret))).toMatchObject({ aal: 2 });
    }
  });

  test.each(['', 'cap_mfa_', `cap_mfa_${'a'.repeat(43)}`, 'no challenge'])(
    'refuses %j as a challenge',
    async (challengeId) => {
      await expect(verify(challengeId, wrongCode)).rejects.toMatchObject({
        code: challengeId === '' ? 'validation-failed' : 'mfa-challenge-invalid',
      });
    },
  );
});

describe('recovery codes', () => {
  test('M-06 are ten, of 120 bits, each good once', async () => {
    const { person, recoveryCodes } = await enrolled();

    expect(new Set(recoveryCodes).size).toBe(10);
    for (const code of recoveryCodes) expect(code).toMatch(/^([A-Z2-7]{6}-){3}[A-Z2-7]{6}$/);
    const typed = recoveryCodes[0]!.toLowerCase().replaceAll('-', ' ');
    expect(await recover(await challengeOf(person), typed)).toMatchObject({ aal: 2 });
    await expect(recover(await challengeOf(person), typed)).rejects.toMatchObject({
      code: 'mfa-code-invalid',
    });
  });

  test('M-06 open nobody else’s account', async () => {
    const [ada, eve] = [await enrolled(), await enrolled()];

    await expect(
      recover(await challengeOf(ada.person), eve.recoveryCodes[0]!),
    ).rejects.toMatchObject({ code: 'mfa-code-invalid' });
  });

  test('M-06 are not in the database, and neither are seed and challenge', async () => {
    const { person, secret, recoveryCodes } = await enrolled();
    const challengeId = await challengeOf(person);
    const rows = await t.query(
      `select totp_factors::text as row from auth.totp_factors
       union all select recovery_codes::text from auth.recovery_codes
       union all select mfa_challenges::text from auth.mfa_challenges`,
    );

    const stored = JSON.stringify(rows) + t.logLines.join('');
    const seed = fromBase32(secret).toString('hex');
    const codes = recoveryCodes.map((code) => code.replaceAll('-', ''));
    for (const clear of [secret, seed, challengeId, ...codes, ...recoveryCodes]) {
      expect(stored).not.toContain(clear);
    }
  });
});

describe('a seed', () => {
  test('M-07 that was copied to another person’s row opens nothing, and operators are told', async () => {
    const [ada, eve] = [await enrolled(), await enrolled()];
    await t.query(
      `update auth.totp_factors set sealed_seed = eve.sealed_seed
         from auth.totp_factors as eve
        where totp_factors.user_id = $1 and eve.user_id = $2`,
      [ada.userId, eve.userId],
    );

    await expect(verify(await challengeOf(ada.person), codeOf(eve.secret))).rejects.toMatchObject({
      code: 'mfa-code-invalid',
    });
    expect(t.logLines.join('')).toContain('does not open under its user and factor');
  });

  test('M-07 is stored with the id of the key it was sealed with', async () => {
    await enrolled();

    expect(await t.query('select distinct key_id from auth.totp_factors')).toEqual([
      { key_id: expect.stringMatching(/^[0-9a-f]{16}$/) },
    ]);
  });
});

describe('EnrolTotp', () => {
  test('shows the seed as text, as a link and as a picture', async () => {
    const person = await t.signUp();
    const { accessToken } = await t.signIn(person);

    const { secret, otpauthUri, qrSvg } = await t.as.api.mfa.enrolTotp({}, bearing(accessToken));

    expect(fromBase32(secret)).toHaveLength(20);
    expect(otpauthUri).toContain(`otpauth://totp/Capstone:${encodeURIComponent(person.email)}`);
    expect(otpauthUri).toContain(`secret=${secret}`);
    expect(qrSvg).toMatch(/^<svg .*<\/svg>$/s);
  });

  test('asks for nothing until a first code was shown', async () => {
    const person = await t.signUp();
    const { accessToken } = await t.signIn(person);
    const first = await t.as.api.mfa.enrolTotp({}, bearing(accessToken));
    const second = await t.as.api.mfa.enrolTotp({}, bearing(accessToken));

    expect((await t.signIn(person)).claims.aal).toBe(1);
    for (const code of [wrongCode, codeOf(first.secret)]) {
      await expect(confirm(accessToken, code)).rejects.toMatchObject({ code: 'mfa-code-invalid' });
    }
    expect((await confirm(accessToken, codeOf(second.secret))).recoveryCodes).toHaveLength(10);
  });

  test('is refused where one counts already', async () => {
    const { person, secret } = await enrolled();
    const { accessToken } = await signInFully(person, secret);

    await expect(t.as.api.mfa.enrolTotp({}, bearing(accessToken))).rejects.toMatchObject({
      code: 'totp-enrolled',
    });
    await expect(confirm(accessToken, wrongCode)).rejects.toMatchObject({ code: 'totp-enrolled' });
  });

  test('ends the other sessions when it is confirmed, and keeps this one', async () => {
    const person = await t.signUp();
    const [here, elsewhere] = [await t.signIn(person), await t.signIn(person)];
    const { secret } = await t.as.api.mfa.enrolTotp({}, bearing(here.accessToken));

    await confirm(here.accessToken, codeOf(secret));

    await expect(t.me(elsewhere.accessToken)).rejects.toMatchObject({ code: 'token-invalid' });
    expect(await t.me(here.accessToken)).toMatchObject({ email: person.email });
    const { revocations } = await t.as.api.revocations.listRevocations({});
    expect(revocations).toContainEqual(expect.objectContaining({ id: elsewhere.claims.sid }));
  });
});

describe('RemoveTotp', () => {
  test('needs a code, and an app', async () => {
    const { person, secret } = await enrolled();
    const { accessToken } = await signInFully(person, secret);
    const remove = (code: string, token = accessToken) =>
      t.as.api.mfa.removeTotp({ code, source: undefined }, bearing(token));

    await expect(remove(wrongCode)).rejects.toMatchObject({ code: 'mfa-code-invalid' });
    await expect(remove(wrongCode, (await t.signIn()).accessToken)).rejects.toMatchObject({
      code: 'totp-not-enrolled',
    });
    expect((await logIn(person)).tokens).toBeUndefined();
  });
});

describe('A-12 what could cost somebody their account', () => {
  test('is refused to a sign-in of more than 5 min ago, and done after a step-up', async () => {
    const person = await t.signUp();
    const old = await t.signIn(person);
    await age(old.claims.sid);

    await expect(t.as.api.mfa.enrolTotp({}, bearing(old.accessToken))).rejects.toMatchObject({
      code: 'step-up-required',
    });
    const { tokens } = await stepUp(old.accessToken, person.password);
    expect(await t.as.api.mfa.enrolTotp({}, bearing(tokens!.accessToken))).toHaveProperty('secret');
  });

  test('is refused to a session of one factor where its user has two', async () => {
    const { person, accessToken, secret } = await enrolled();

    await expect(t.as.api.mfa.enrolTotp({}, bearing(accessToken))).rejects.toMatchObject({
      code: 'step-up-required',
    });
    const { mfaRequired } = await stepUp(accessToken, person.password);
    expect(await verify(mfaRequired!.challengeId, codeOf(secret))).toMatchObject({ aal: 2 });
  });
});

describe('StepUp', () => {
  test('T-13 begins a new session in the same workspace and ends the old one', async () => {
    const person = await t.signUp();
    const old = await t.signIn(person);

    const { tokens } = await stepUp(old.accessToken, person.password);

    const claims = claimsOf(tokens!.accessToken);
    expect(claims).toMatchObject({ sub: old.claims.sub, wid: old.claims.wid });
    expect(claims.sid).not.toBe(old.claims.sid);
    await expect(t.me(old.accessToken)).rejects.toMatchObject({ code: 'token-invalid' });
    await expect(t.refresh(old.refreshToken)).rejects.toMatchObject({
      code: 'refresh-token-invalid',
    });
  });

  test('T-13 with a second factor ends the old session when the code was right, not before', async () => {
    const { person, secret, accessToken } = await enrolled();
    const { mfaRequired } = await stepUp(accessToken, person.password);

    expect(await t.me(accessToken)).toMatchObject({ aal: 1 });
    await verify(mfaRequired!.challengeId, codeOf(secret));

    await expect(t.me(accessToken)).rejects.toMatchObject({ code: 'token-invalid' });
  });

  test('with a wrong password is refused and ends nothing', async () => {
    const { accessToken } = await t.signIn();

    await expect(stepUp(accessToken, 'not the password')).rejects.toMatchObject({
      code: 'credentials-invalid',
    });
    expect(await t.me(accessToken)).toMatchObject({ aal: 1 });
  });
});

/** Somebody with an app, who has used none of its codes: the step of the confirmation is forgotten. */
async function enrolled() {
  const person = await t.signUp();
  const { accessToken, claims } = await t.signIn(person);
  const { secret } = await t.as.api.mfa.enrolTotp({}, bearing(accessToken));
  const { recoveryCodes } = await confirm(accessToken, codeOf(secret));
  await forgetSteps(person);
  return { person, secret, recoveryCodes, accessToken, userId: claims.sub };
}

async function forgetSteps({ email }: Person) {
  await t.query(
    `update auth.totp_factors set last_step = 0
      where user_id = (select id from auth.users where email = $1)`,
    [email],
  );
}

/** As if its sign-in had been ten minutes ago. */
async function age(sessionId: string) {
  await t.query(
    `update auth.sessions set authenticated_at = now() - interval '10 min' where id = $1`,
    [sessionId],
  );
}

function logIn({ email, password }: Person) {
  return t.as.api.accounts.login({ email, password, workspaceId: undefined, source: undefined });
}

async function challengeOf(person: Person) {
  return (await logIn(person)).mfaRequired!.challengeId;
}

async function signInFully(person: Person, secret: string) {
  const challengeId = await challengeOf(person);
  const { tokens } = await t.as.api.mfa.verifyMfa({
    challengeId,
    method: 'totp',
    code: codeOf(secret),
    source: undefined,
  });
  return { ...tokens!, claims: claimsOf(tokens!.accessToken) };
}

function verify(challengeId: string, code: string, method = 'totp') {
  return t.as.api.mfa
    .verifyMfa({ challengeId, method, code, source: undefined })
    .then(({ tokens }) => claimsOf(tokens!.accessToken));
}

function recover(challengeId: string, code: string) {
  return verify(challengeId, code, 'recovery_code');
}

function confirm(accessToken: string, code: string) {
  return t.as.api.mfa.confirmTotp({ code, source: undefined }, bearing(accessToken));
}

function stepUp(accessToken: string, password: string) {
  return t.as.api.accounts.stepUp({ password, source: undefined }, bearing(accessToken));
}

function liveSessions({ email }: Person) {
  return t.query(
    `select sessions.id from auth.sessions join auth.users on users.id = sessions.user_id
      where users.email = $1 and revoked_at is null
        and authenticated_at > (select confirmed_at from auth.totp_factors
                                 where totp_factors.user_id = users.id)`,
    [email],
  );
}

function codesOf(outcomes: PromiseSettledResult<unknown>[]) {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) {
    const code = outcome.status === 'fulfilled' ? 'ok' : (outcome.reason as { code: string }).code;
    counts[code] = (counts[code] ?? 0) + 1;
  }
  return counts;
}

function codeOf(secret: string, distance = 0) {
  return totpCode(fromBase32(secret), stepAt(Date.now()) + distance);
}

function fromBase32(text: string) {
  const bits = Array.from(text)
    .map((letter) =>
      'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0'),
    )
    .join('');
  return Buffer.from(bits.match(/.{8}/g)!.map((byte) => Number.parseInt(byte, 2)));
}
