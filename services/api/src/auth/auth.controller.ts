import { Body, Controller, Req, Res, UseInterceptors } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  Accepted,
  ChangePassword,
  Login,
  Me,
  Refresh,
  Register,
  SignInAnswer,
  StepUp,
  TokensAnswer,
} from '@capstone/contracts/auth';
import { Route } from '../http/route.js';
import { AuthService } from './auth.service.js';
import { BrowserSession, endBrowserSession, refreshTokenOf } from './browser-session.js';
import { deviceTokenOf, rememberDevice } from './known-device.js';
import { sourceOf } from './request-source.js';

/**
 * Idempotency-Key is taken and not needed here: register, refresh and logout give the same outcome when repeated, by
 * auth's own rules, and the tokens of a login are never stored, not even to replay them: a repeated login is one more
 * session.
 */
@UseInterceptors(BrowserSession)
@Controller('api/v1/auth')
export class AuthController {
  constructor(private readonly auth: AuthService) {}

  @Route('POST', 'register', {
    summary: 'Create an account; the answer does not tell whether the address is known',
    access: 'public',
    allowance: 'sign-in',
    answers: { 202: Accepted },
    problems: ['password-unacceptable', 'overloaded'],
  })
  register(@Req() request: FastifyRequest, @Body({ schema: Register }) input: Register) {
    return this.auth.register(sourceOf(request), input);
  }

  @Route('POST', 'login', {
    summary: 'Sign in',
    access: 'public',
    allowance: 'sign-in',
    answers: { 200: SignInAnswer },
    problems: ['credentials-invalid', 'workspace-not-found', 'overloaded', 'origin-denied'],
  })
  async login(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Body({ schema: Login }) input: Login,
  ) {
    const known = deviceTokenOf(request);
    const { signIn, deviceToken } = await this.auth.login(sourceOf(request), known, input);
    rememberDevice(reply, deviceToken);
    return signIn;
  }

  @Route('POST', 'step-up', {
    summary: 'Prove again who you are: a new session takes the place of this one',
    access: 'signed-in',
    allowance: 'sign-in',
    answers: { 200: SignInAnswer },
    problems: ['credentials-invalid', 'overloaded'],
  })
  stepUp(@Req() request: FastifyRequest, @Body({ schema: StepUp }) input: StepUp) {
    return this.auth.stepUp(request.headers.authorization ?? '', sourceOf(request), input);
  }

  @Route('POST', 'password/change', {
    summary: 'Replace my password; my other sessions end',
    access: 'signed-in',
    freshSignIn: true,
    allowance: 'sign-in',
    answers: { 204: null },
    problems: ['credentials-invalid', 'password-unacceptable', 'overloaded'],
  })
  changePassword(
    @Req() request: FastifyRequest,
    @Body({ schema: ChangePassword }) input: ChangePassword,
  ) {
    const authorization = request.headers.authorization ?? '';
    return this.auth.changePassword(authorization, sourceOf(request), input);
  }

  @Route('POST', 'refresh', {
    summary: 'Exchange a refresh token for its successor; its reuse revokes the session',
    access: 'public',
    allowance: 'sign-in',
    answers: { 200: TokensAnswer },
    problems: ['refresh-token-invalid', 'origin-denied'],
  })
  refresh(@Req() request: FastifyRequest, @Body({ schema: Refresh }) input: Refresh) {
    return this.auth.refresh(sourceOf(request), refreshTokenOf(request, input.refreshToken));
  }

  @Route('POST', 'logout', {
    summary: 'Revoke this session',
    access: 'signed-in',
    answers: { 204: null },
  })
  async logout(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    await this.auth.logout(request.headers.authorization ?? '');
    endBrowserSession(request, reply);
  }

  @Route('GET', 'me', {
    summary: 'Who I am, where, and what I may do',
    access: 'account:read',
    answers: { 200: Me },
  })
  me(@Req() request: FastifyRequest) {
    return this.auth.me(request.headers.authorization ?? '');
  }
}
