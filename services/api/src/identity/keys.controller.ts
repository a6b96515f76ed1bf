import { Controller, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Problem } from '@capstone/platform/problem';
import { Route } from '../http/route.js';
import { KeySet } from './key-set.js';

@Controller('.well-known')
export class KeysController {
  constructor(private readonly keys: KeySet) {}

  @Route('GET', 'jwks.json', {
    summary: 'The public keys that access tokens are signed with (RFC 7517)',
    access: 'public',
    answers: { 200: null },
    sends: 'application/jwk-set+json',
    problems: ['dependency-unavailable'],
  })
  jwks(@Res() reply: FastifyReply) {
    if (!this.keys.isLoaded) throw new Problem('dependency-unavailable', { retryAfterSeconds: 1 });
    return reply
      .type('application/jwk-set+json')
      .header('cache-control', 'public, max-age=300')
      .send(this.keys.json);
  }
}
