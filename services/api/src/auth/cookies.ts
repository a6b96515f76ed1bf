import type { FastifyReply, FastifyRequest } from 'fastify';

/**
 * `__Host-`: the browser takes it over HTTPS only (or from localhost), for this host only, and a subdomain can neither
 * read nor plant it (RFC 6265bis section 4.1.3.2).
 */
export type CookieName = '__Host-capstone-device' | '__Host-capstone-refresh';

const attributes = 'Path=/; Secure; HttpOnly; SameSite=Strict';

/** The value of the one cookie of this name; none when there are two, because one of them is not ours. */
export function readCookie(request: FastifyRequest, name: CookieName): string | undefined {
  const values = (request.headers.cookie ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  return values.length === 1 ? values[0] : undefined;
}

/** `value` is one of our tokens: none of them needs encoding. An age of 0 removes the cookie. */
export function setCookie(
  reply: FastifyReply,
  name: CookieName,
  value: string,
  maxAgeSeconds: number,
): void {
  void reply.header('set-cookie', `${name}=${value}; ${attributes}; Max-Age=${maxAgeSeconds}`);
}
