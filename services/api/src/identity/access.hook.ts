import { Inject, Injectable } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { freshSignInSeconds } from '@capstone/contracts/auth';
import type { Principal } from '@capstone/platform/principal';
import { sourceOf } from '@capstone/platform/client-source';
import { Problem } from '@capstone/platform/problem';
import { CONFIG } from '@capstone/platform/service';
import type { Config } from '../config.js';
import type { Allowance, RouteDeclaration } from '../http/route.js';
import { limitHeader, policyHeader } from '../limits/rate-limit-headers.js';
import { RateLimiter } from '../limits/rate-limiter.js';

import { requestsLimited } from '../metrics.js';
import { DenialLog } from './denial-log.js';
import { Revocations } from './revocations.js';
import { ApiKeyVerifier } from './api-key-verifier.js';
import { TokenVerifier } from './token-verifier.js';
import type { VerifiedCaller } from './verified-caller.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    declaration?: RouteDeclaration;
  }
}

/**
 * The door of every route: who calls, may they, how often, with what kind of body. A Fastify hook and not a Nest guard,
 * because it runs before the body is read, and because at this place a microsecond is a percent.
 */
@Injectable()
export class AccessHook {
  private readonly policies: Record<Allowance, string>;

  constructor(
    private readonly tokens: TokenVerifier,
    private readonly apiKeys: ApiKeyVerifier,
    private readonly revocations: Revocations,
    private readonly limiter: RateLimiter,
    private readonly denials: DenialLog,
    @Inject(CONFIG) { limits }: Config,
  ) {
    this.policies = {
      caller: policyHeader('caller', limits.caller),
      source: policyHeader('source', limits.source),
      'sign-in': policyHeader('sign-in', limits['sign-in']),
    };
  }

  /** Before the routes are added. */
  install(fastify: FastifyInstance): void {
    fastify.decorateRequest('principal', null);
    fastify.decorateRequest('tokenExpiresAtMs', 0);
    fastify.addHook('onRequest', async (request, reply) => {
      const { declaration } = request.routeOptions.config;
      // Not found: the answer needs no door.
      if (declaration) await this.admit(request, reply, declaration);
    });
  }

  private async admit(request: FastifyRequest, reply: FastifyReply, route: RouteDeclaration) {
    if (route.access === 'public') {
      await this.spend(reply, route.allowance ?? 'source', sourceOf(request.ip));
    } else {
      const verified = await this.authenticate(request, reply);
      this.assertNotRevoked(verified, route);
      const { principal } = verified;
      request.principal = principal;
      request.tokenExpiresAtMs = verified.expiresAtMs;
      await this.spend(reply, route.allowance ?? 'caller', spender(principal));
      if (!isPermitted(principal, route)) this.deny(principal, request, route);
      if (route.freshSignIn) assertFresh(principal);
    }
    assertPreconditions(request, route);
  }

  private async authenticate(
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<VerifiedCaller> {
    const credential = bearerToken(request.headers.authorization);
    const verifier = credential.startsWith('cap_') ? this.apiKeys : this.tokens;
    const known = verifier.recall(credential);
    if (known) return known;

    // Only an unknown one costs a signature check or a call, so only then the source pays for it.
    await this.spend(reply, 'source', sourceOf(request.ip));
    const verified = await verifier.verify(credential);
    if (!verified) throw tokenInvalid();
    return verified;
  }

  private assertNotRevoked(caller: VerifiedCaller, route: RouteDeclaration) {
    const { freshness } = this.revocations;
    if (freshness === 'lost' || (freshness === 'stale' && isWrite(route))) {
      throw new Problem('revocation-feed-stale', { retryAfterSeconds: 5 });
    }
    if (this.isRevoked(caller)) throw tokenInvalid();
  }

  private isRevoked({ principal, keyId, membershipId, epoch }: VerifiedCaller) {
    const { revocations } = this;
    if (revocations.isOutdated(membershipId, epoch)) return true;
    if (principal.kind === 'api-key') return revocations.has('api-key', principal.apiKeyId);
    return (
      revocations.has('session', principal.sessionId) ||
      (keyId !== undefined && revocations.has('key', keyId))
    );
  }

  private deny(principal: Principal, request: FastifyRequest, route: RouteDeclaration): never {
    const { access } = route;
    this.denials.note({
      principal,
      permission: access,
      route: `${request.method} ${request.routeOptions.url}`,
      address: request.ip,
    });
    if (access === 'signed-in') {
      throw new Problem('permission-denied', { detail: 'An API key cannot do this.' });
    }
    throw new Problem('permission-denied', {
      headers: { 'www-authenticate': `Bearer error="insufficient_scope", scope="${access}"` },
    });
  }

  private async spend(reply: FastifyReply, allowance: Allowance, owner: string) {
    const taken = await this.limiter.take(allowance, owner);
    reply.header('ratelimit-policy', this.policies[allowance]);
    reply.header('ratelimit', limitHeader(allowance, taken));
    if (!taken.allowed) {
      requestsLimited.inc({ allowance });
      throw new Problem('rate-limited', { retryAfterSeconds: taken.waitMs / 1000 });
    }
  }
}

/** A POST that only reads, such as a search, has a permission to read. */
function isWrite({ method, access }: RouteDeclaration) {
  return method !== 'GET' && !access.endsWith(':read');
}

/** A machine has an allowance of its own, beside that of the person who gave it its key. */
function spender(principal: Principal) {
  return principal.kind === 'api-key' ? principal.apiKeyId : principal.userId;
}

/** A machine is nobody who is signed in: what belongs to a person has no scope that a key could hold. */
function isPermitted({ kind, scopes }: Principal, { access }: RouteDeclaration) {
  if (access === 'public') return true;
  return access === 'signed-in' ? kind === 'user' : scopes.has(access);
}

function assertFresh(principal: Principal) {
  const signedInAt = principal.kind === 'user' ? principal.authTimeSeconds : 0;
  if (Date.now() / 1_000 - signedInAt <= freshSignInSeconds) return;
  throw new Problem('step-up-required', { detail: 'The sign-in is too long ago for this.' });
}

function assertPreconditions({ headers }: FastifyRequest, route: RouteDeclaration) {
  if (route.ifMatch === 'required' && headers['if-match'] === undefined) {
    throw new Problem('if-match-required');
  }
  const contentType = headers['content-type'];
  if (contentType === undefined || route.method === 'GET') return;
  const [mediaType = ''] = contentType.split(';', 1);
  const { accepts } = route;
  if (!accepts.includes(mediaType.trim().toLowerCase())) {
    throw new Problem('unsupported-media-type', {
      detail: `Send ${accepts.join(' or ')}.`,
      headers: { accept: accepts.join(', ') },
    });
  }
}

/** RFC 6750 section 2.1. Throws `token-missing` when there is none at all. */
function bearerToken(authorization: string | undefined): string {
  if (authorization === undefined) throw new Problem('token-missing');
  const token = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(authorization)?.[1];
  if (token === undefined) throw tokenInvalid();
  return token;
}

/** Always the same: what is wrong with a token is nobody's business. */
function tokenInvalid() {
  return new Problem('token-invalid');
}
