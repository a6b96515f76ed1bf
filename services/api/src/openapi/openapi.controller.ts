import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Controller, Param, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Problem } from '@capstone/platform/problem';
import { Route } from '../http/route.js';
import { RouteRegistry } from '../http/route-registry.js';
import { openApiDocument } from './openapi-document.js';
import { readerPage, readerPolicy, readerScript } from './reader.js';

const readerDirectory = dirname(
  createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'),
);
const readerFiles: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};

/** What people and tools read about this API. Everything comes from here: no network is needed, and none is allowed. */
@Controller()
export class OpenApiController {
  private document: string | undefined;

  constructor(private readonly registry: RouteRegistry) {}

  @Route('GET', 'api/v1/openapi.json', {
    summary: 'This document',
    access: 'public',
    answers: { 200: null },
    sends: 'application/json',
    documented: false,
  })
  json(@Res() reply: FastifyReply) {
    this.document ??= JSON.stringify(openApiDocument(this.registry.routes));
    return reply.type('application/json; charset=utf-8').send(this.document);
  }

  @Route('GET', 'docs', {
    summary: 'The reader',
    access: 'public',
    answers: { 200: null },
    sends: 'text/html',
    documented: false,
  })
  page(@Res() reply: FastifyReply) {
    return reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', readerPolicy)
      .send(readerPage);
  }

  @Route('GET', 'docs/:file', {
    summary: 'A part of the reader',
    access: 'public',
    answers: { 200: null },
    sends: 'text/javascript',
    documented: false,
  })
  async file(@Param('file', { schema: z.string() }) file: string, @Res() reply: FastifyReply) {
    if (file === 'reader.js') {
      return reply.type('text/javascript; charset=utf-8').send(readerScript);
    }
    const type = Object.hasOwn(readerFiles, file) ? readerFiles[file] : undefined;
    if (type === undefined) throw new Problem('route-not-found');
    const content = await readFile(join(readerDirectory, file));
    return reply.type(type).header('cache-control', 'public, max-age=86400').send(content);
  }
}
