import { SignJWT, jwtVerify } from 'jose';
import type { CryptoKey } from 'jose';
import { v7 as uuidv7 } from 'uuid';
import { AccessClaims } from '@capstone/contracts/auth';
import { rolePermissions } from '@capstone/contracts/permissions';
import { accessTokenLifetimeSeconds } from '@capstone/contracts/revocations';
import type { Role } from '@capstone/contracts/permissions';
import { isCompactJws } from '@capstone/platform/compact-jws';

const algorithm = 'ES256';
const type = 'at+jwt';
const clockSkewSeconds = 5;

/** RFC 9068 wants the client named. There is one so far: the product's own public door. */
const clientId = 'capstone';

export interface Realm {
  readonly issuer: string;
  readonly audience: string;
}

/** What a token says about its bearer. `id` is the session. */
export interface Grant {
  readonly id: string;
  readonly userId: string;
  readonly workspaceId: string;
  readonly role: Role;
  /** Of the membership that the role belongs to. */
  readonly epoch: number;
  readonly aal: 1 | 2;
  readonly authTimeSeconds: number;
  /** The absolute end of the session, which no token of it outlives. */
  readonly endsAtSeconds: number;
}

/** A signed RFC 9068 token and its life. No address and no name in it: whoever sees it learns ids. */
export async function signAccessToken(
  grant: Grant,
  realm: Realm,
  key: { kid: string; privateKey: CryptoKey },
): Promise<{ accessToken: string; expiresIn: number }> {
  const now = Math.floor(Date.now() / 1_000);
  const expiresIn = Math.max(0, Math.min(accessTokenLifetimeSeconds, grant.endsAtSeconds - now));
  const accessToken = await new SignJWT({
    client_id: clientId,
    sid: grant.id,
    wid: grant.workspaceId,
    role: grant.role,
    epoch: grant.epoch,
    scope: rolePermissions[grant.role].join(' '),
    aal: grant.aal,
    auth_time: grant.authTimeSeconds,
  })
    .setProtectedHeader({ alg: algorithm, typ: type, kid: key.kid })
    .setSubject(grant.userId)
    .setIssuer(realm.issuer)
    .setAudience(realm.audience)
    .setJti(uuidv7())
    .setIssuedAt(now)
    .setExpirationTime(now + expiresIn)
    .sign(key.privateKey);
  return { accessToken, expiresIn };
}

/**
 * The claims of a token that is ours, for our audience, of this type and in its time. Undefined for anything else,
 * whatever the reason. The key comes from `findKey` alone: `jku`, `jwk` and `x5c` headers are never looked at
 * (RFC 8725 section 3.1).
 */
export async function verifyAccessToken(
  token: string,
  realm: Realm,
  findKey: (kid: string) => CryptoKey | undefined,
): Promise<AccessClaims | undefined> {
  if (!isCompactJws(token)) return undefined;
  try {
    const { payload } = await jwtVerify(
      token,
      ({ kid }) => {
        const key = kid === undefined ? undefined : findKey(kid);
        if (!key) throw new Error('No such key');
        return key;
      },
      {
        algorithms: [algorithm],
        typ: type,
        issuer: realm.issuer,
        audience: realm.audience,
        clockTolerance: clockSkewSeconds,
        maxTokenAge: accessTokenLifetimeSeconds + clockSkewSeconds,
      },
    );
    // jose accepts a list that contains our audience; ours always name exactly one.
    if (typeof payload.aud !== 'string') return undefined;
    return AccessClaims.parse(payload);
  } catch {
    return undefined;
  }
}
