import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '@capstone/platform/problem';

/** The tags of an If-Match header; `'*'` stands for any version. */
export type ExpectedTags = '*' | readonly string[];

/** A strong tag of an id and whatever numbers change with the answer: equal tags, equal bytes. */
export function entityTag(id: string, ...versions: readonly number[]): string {
  return `"${id}.${versions.join('.')}"`;
}

/** Throws `version-mismatch` unless the client has seen the current version. Without If-Match anything goes. */
export function assertExpected(currentTag: string, expected: ExpectedTags | undefined): void {
  if (expected === undefined || expected === '*') return;
  if (!expected.includes(currentTag)) throw new Problem('version-mismatch');
}

/** Sends a resource with its ETag, or 304 and nothing if the client has this version already. */
export function sendTagged<Body>(reply: FastifyReply, tag: string, body: Body) {
  reply.header('etag', tag);
  const { method, headers } = reply.request;
  const known = method === 'GET' ? headers['if-none-match'] : undefined;
  if (known === undefined || !knows(known, tag)) return body;
  reply.code(304);
  return undefined;
}

/** The If-Match header of the request, or undefined. Weak tags are kept as they are and so match nothing (RFC 9110 13.1.1). */
export const IfMatch = createParamDecorator((_: unknown, context: ExecutionContext) => {
  const header = context.switchToHttp().getRequest<FastifyRequest>().headers['if-match'];
  return header === undefined ? undefined : parseIfMatch(header);
});

export function parseIfMatch(header: string): ExpectedTags {
  return header.trim() === '*' ? '*' : splitTags(header);
}

/** If-None-Match compares weakly: a proxy that compressed the answer may have weakened the tag (RFC 9110 13.1.2). */
function knows(header: string, tag: string) {
  if (header === tag || header.trim() === '*') return true;
  return splitTags(header).some((known) => known.replace(/^W\//, '') === tag);
}

/** Our own tags hold no comma, so a tag that is torn by one was not ours and matches nothing either way. */
function splitTags(header: string) {
  return header.split(',').map((tag) => tag.trim());
}
