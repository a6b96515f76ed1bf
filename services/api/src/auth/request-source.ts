import type { FastifyRequest } from 'fastify';
import type { Source } from '@capstone/contracts/generated/capstone/auth/v1/tokens';

/** For auth's audit and throttling. */
export function sourceOf(request: FastifyRequest): Source {
  const userAgent = request.headers['user-agent'] ?? '';
  return { address: request.ip, userAgent: userAgent.slice(0, 300) };
}
