import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

const pattern = /^cap_dev_([\w-]{22})\.(\d{10})\.([\w-]{43})$/;
const lifetimeSeconds = 400 * 24 * 60 * 60;

/**
 * What a device shows that somebody has signed in to this account on it before. It opens nothing: its attempts are only
 * counted apart from those of strangers, so that these cannot keep the owner out.
 */
export function mintKnownDevice(pepper: Buffer, email: string, nowMs: number): string {
  const id = randomBytes(16).toString('base64url');
  const issuedAt = String(Math.floor(nowMs / 1_000));
  return `cap_dev_${id}.${issuedAt}.${mac(pepper, email, id, issuedAt)}`;
}

/** The id of the device, if the token is of this account and not too old. */
export function readKnownDevice(
  pepper: Buffer,
  email: string,
  token: string,
  nowMs: number,
): string | undefined {
  const [, id, issuedAt, given] = pattern.exec(token) ?? [];
  if (!id || !issuedAt || !given) return undefined;
  if (nowMs / 1_000 - Number(issuedAt) > lifetimeSeconds) return undefined;
  const expected = mac(pepper, email, id, issuedAt);
  return timingSafeEqual(Buffer.from(expected), Buffer.from(given)) ? id : undefined;
}

function mac(pepper: Buffer, email: string, id: string, issuedAt: string): string {
  return createHmac('sha256', pepper)
    .update(`known device ${id} since ${issuedAt} of ${email}`)
    .digest('base64url');
}
