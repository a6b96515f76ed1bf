import { Inject, Injectable } from '@nestjs/common';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { catchError, map, throwError, type Observable } from 'rxjs';
import type { SignInAnswer } from '@capstone/contracts/auth';
import { Problem } from '@capstone/platform/problem';
import { CONFIG } from '@capstone/platform/service';
import type { Config } from '../config.js';
import { readCookie, setCookie } from './cookies.js';

const name = '__Host-capstone-refresh';

/** As long as an unused refresh token lives. */
const lifetimeSeconds = 7 * 24 * 60 * 60;

/**
 * For pages in a browser, which have no good place for a refresh token: with `Capstone-Session: cookie` it comes and goes
 * in a cookie that no script sees, and never in a body. Everything else is as for other clients; the access token stays
 * with the page and is sent as ever, so no route but these few can be called in somebody's name by another site.
 */
@Injectable()
export class BrowserSession implements NestInterceptor<unknown, unknown> {
  constructor(@Inject(CONFIG) private readonly config: Config) {}

  intercept(context: ExecutionContext, next: CallHandler<unknown>): Observable<unknown> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    if (request.headers['capstone-session'] !== 'cookie') return next.handle();

    assertOwnPage(request, this.config.http.browserOrigins);
    return next.handle().pipe(
      map((answer) => withoutRefreshToken(reply, answer as SignInAnswer | undefined)),
      catchError((error: unknown) => {
        const isOver = error instanceof Problem && error.code === 'refresh-token-invalid';
        if (isOver) endBrowserSession(request, reply);
        return throwError(() => error);
      }),
    );
  }
}

/** The refresh token of a page's request; the body's otherwise. Throws `refresh-token-invalid` when there is none. */
export function refreshTokenOf(request: FastifyRequest, inBody: string | undefined): string {
  const isPage = request.headers['capstone-session'] === 'cookie';
  const token = inBody ?? (isPage ? readCookie(request, name) : undefined);
  if (!token || token.length > longestToken) throw new Problem('refresh-token-invalid');
  return token;
}

export function endBrowserSession(request: FastifyRequest, reply: FastifyReply): void {
  if (request.headers.cookie?.includes(`${name}=`)) setCookie(reply, name, '', 0);
}

const longestToken = 200;

function withoutRefreshToken(reply: FastifyReply, answer: SignInAnswer | undefined) {
  if (answer?.status !== 'authenticated') return answer;
  const { refreshToken, ...tokens } = answer;
  if (refreshToken !== undefined) setCookie(reply, name, refreshToken, lifetimeSeconds);
  return tokens;
}

/**
 * The cookie is `SameSite=Strict` and the header above cannot be sent by another site without our leave, which nobody gets.
 * Should a browser fail at one of these, what it says about the page decides: `Sec-Fetch-Site`, and `Origin`, which every
 * browser sends with a POST. Saying nothing is no proof.
 */
function assertOwnPage(request: FastifyRequest, browserOrigins: readonly string[]): void {
  const { origin, host, 'sec-fetch-site': site } = request.headers;
  const isListed = origin !== undefined && browserOrigins.includes(origin);
  const isOwn = browserOrigins.length === 0 && origin !== undefined && hostOf(origin) === host;
  const isSaidToBeForeign = site === 'cross-site' || (site === 'same-site' && !isListed);
  if ((isListed || isOwn) && !isSaidToBeForeign) return;
  throw new Problem('origin-denied');
}

function hostOf(origin: string): string | undefined {
  return URL.parse(origin)?.host;
}
