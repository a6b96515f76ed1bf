import { Controller, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
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
    return reply
      .type('application/jwk-set+json')
      .header('cache-control', 'public, max-age=300')
      .send(this.keys.json);
  }
}
