import { z } from 'zod';

/** How long an access token lives. */
export const accessTokenLifetimeSeconds = 300;

/**
 * How long a revocation must be remembered: the life of a token, and a minute for clocks that differ and for a token
 * that was signed in the moment its session was revoked.
 */
export const revocationWindowSeconds = accessTokenLifetimeSeconds + 60;

/** How often every auth process writes a heartbeat. A verifier that sees none for some of these no longer knows. */
export const revocationHeartbeatMs = 2_000;

/** The stream on the queue Redis. auth appends, every verifier reads, nobody acknowledges. */
export function revocationStream(prefix: string): string {
  return `${prefix}:revocations`;
}

const epochMs = z.coerce.number().int().positive();

/**
 * One entry of the stream: the flat string fields of XADD, for example `kind session id 0192… revokedAtMs 1789…`.
 *
 * An entry may come more than once, and late: a verifier adds it to a set. `session` names a token's `sid`, `key` its
 * `kid`, `api-key` an API key. `roles` names a membership, and means its tokens with an `epoch` below this one. A `heartbeat` promises that every revocation committed before `asOfMs` stands before it in the stream. Entries older
 * than the window are trimmed, so a verifier that starts, or that lost its connection, first notes where the stream
 * ends, then calls ListRevocations, then reads on from that place.
 */
export const RevocationEntry = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('session'), id: z.uuid(), revokedAtMs: epochMs }),
  z.object({ kind: z.literal('key'), id: z.string().min(1).max(100), revokedAtMs: epochMs }),
  z.object({ kind: z.literal('api-key'), id: z.uuid(), revokedAtMs: epochMs }),
  z.object({
    kind: z.literal('roles'),
    id: z.string().min(1).max(100),
    epoch: z.coerce.number().int().positive(),
    revokedAtMs: epochMs,
  }),
  z.object({ kind: z.literal('heartbeat'), asOfMs: epochMs }),
]);
export type RevocationEntry = z.infer<typeof RevocationEntry>;

export type RevocationKind = Exclude<RevocationEntry['kind'], 'heartbeat'>;

/** How a membership is named in a `roles` entry. */
export function membershipId(workspaceId: string, userId: string): string {
  return `${workspaceId}/${userId}`;
}
