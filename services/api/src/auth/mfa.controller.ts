import { Body, Controller, Req, Res, UseInterceptors } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  RecoveryCodes,
  TokensAnswer,
  TotpCode,
  TotpEnrolment,
  VerifyMfa,
} from '@capstone/contracts/auth';
import { Route } from '../http/route.js';
import { BrowserSession } from './browser-session.js';
import { rememberDevice } from './known-device.js';
import { MfaService } from './mfa.service.js';
import { sourceOf } from './request-source.js';

/** Idempotency-Key is not needed here either: a code counts once, and secrets are never stored to replay them. */
@UseInterceptors(BrowserSession)
@Controller('api/v1/auth/mfa')
export class MfaController {
  constructor(private readonly mfa: MfaService) {}

  @Route('POST', 'verify', {
    summary: 'Complete a sign-in or a step-up with a second factor',
    access: 'public',
    allowance: 'sign-in',
    answers: { 200: TokensAnswer },
    problems: ['mfa-challenge-invalid', 'mfa-code-invalid', 'mfa-locked'],
  })
  async verify(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Body({ schema: VerifyMfa }) input: VerifyMfa,
  ) {
    const { tokens, deviceToken } = await this.mfa.verify(sourceOf(request), input);
    rememberDevice(reply, deviceToken);
    return tokens;
  }

  @Route('POST', 'totp', {
    summary: 'Begin to enrol an authenticator app; confirm it with a first code',
    access: 'signed-in',
    freshSignIn: true,
    answers: { 200: TotpEnrolment },
    problems: ['totp-enrolled'],
  })
  enrolTotp(@Req() request: FastifyRequest) {
    return this.mfa.enrolTotp(request.headers.authorization ?? '');
  }

  @Route('POST', 'totp/confirm', {
    summary: 'Confirm the app with a first code; answers with the recovery codes, this once',
    access: 'signed-in',
    freshSignIn: true,
    allowance: 'sign-in',
    answers: { 200: RecoveryCodes },
    problems: ['mfa-code-invalid', 'mfa-locked', 'totp-enrolled', 'totp-not-enrolled'],
  })
  confirmTotp(@Req() request: FastifyRequest, @Body({ schema: TotpCode }) input: TotpCode) {
    return this.mfa.confirmTotp(request.headers.authorization ?? '', sourceOf(request), input);
  }

  @Route('DELETE', 'totp', {
    summary: 'Remove the app and the recovery codes',
    access: 'signed-in',
    freshSignIn: true,
    allowance: 'sign-in',
    answers: { 204: null },
    problems: ['mfa-code-invalid', 'mfa-locked', 'totp-not-enrolled'],
  })
  removeTotp(@Req() request: FastifyRequest, @Body({ schema: TotpCode }) input: TotpCode) {
    return this.mfa.removeTotp(request.headers.authorization ?? '', sourceOf(request), input);
  }
}
