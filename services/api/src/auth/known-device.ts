import type { FastifyReply, FastifyRequest } from 'fastify';
import { readCookie, setCookie } from './cookies.js';

const name = '__Host-capstone-device';
const longestToken = 200;
const lifetimeSeconds = 400 * 24 * 60 * 60;

/**
 * What this client was given at an earlier sign-in. It opens nothing: it only keeps the wrong passwords of strangers from
 * counting against it.
 */
export function deviceTokenOf(request: FastifyRequest): string | undefined {
  const token = readCookie(request, name);
  return token && token.length <= longestToken ? token : undefined;
}

export function rememberDevice(reply: FastifyReply, deviceToken: string | undefined): void {
  if (deviceToken !== undefined) setCookie(reply, name, deviceToken, lifetimeSeconds);
}
