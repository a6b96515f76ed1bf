import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Principal } from '@capstone/platform/principal';

declare module 'fastify' {
  interface FastifyRequest {
    /** Null on public routes; on all others the access hook has set it before the handler runs. */
    principal: Principal | null;
    /** When the caller's token ends. */
    tokenExpiresAtMs: number;
  }
}

/** The verified caller. Only for routes that are not public. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Principal => {
  const { principal } = context.switchToHttp().getRequest<FastifyRequest>();
  if (!principal) throw new Error('A public route has no caller');
  return principal;
});
