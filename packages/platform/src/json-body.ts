import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from './problem.js';

/**
 * Makes JSON the only body there is (RFC 8259 and +json types), so that a browser cannot send one without asking first
 * (CORS), and refuses deep nesting before anything walks the value: JSON.parse copes with 200 000 levels, whatever
 * recurses over the result does not. `__proto__` and `constructor.prototype` are refused; of duplicate keys the last
 * counts.
 */
export function acceptJsonOnly(fastify: FastifyInstance, options: { maxDepth: number }): void {
  const parse = fastify.getDefaultJsonParser('error', 'error');
  const read = (
    request: FastifyRequest,
    body: string,
    done: (e: Error | null, v?: unknown) => void,
  ) => {
    if (isDeeperThan(body, options.maxDepth)) return done(tooDeep(options.maxDepth));
    void parse(request, body, (error, value) => done(error && malformed(body), value));
  };
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'string' }, read);
  fastify.addContentTypeParser(plusJson, { parseAs: 'string' }, read);
}

const plusJson = /^application\/[\w.-]+\+json(?:\s*;|$)/i;

/** Counts brackets outside strings; never parses, never recurses. */
export function isDeeperThan(json: string, maxDepth: number): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < json.length; at++) {
    const char = json.charCodeAt(at);
    if (inString) {
      if (char === backslash) at++;
      else if (char === quote) inString = false;
    } else if (char === quote) inString = true;
    else if (char === openBracket || char === openBrace) {
      if (++depth > maxDepth) return true;
    } else if (char === closeBracket || char === closeBrace) depth--;
  }
  return false;
}

const quote = 0x22;
const backslash = 0x5c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

function tooDeep(maxDepth: number): Problem {
  const detail = `Nested deeper than ${maxDepth} levels`;
  return new Problem('validation-failed', { errors: [{ pointer: '', detail }] });
}

/** The parser's own message quotes the body, which may hold a password. */
function malformed(body: string): Problem {
  const detail = body.trim() === '' ? 'The body is empty' : 'The body is not valid JSON';
  return new Problem('malformed-request', { detail });
}
