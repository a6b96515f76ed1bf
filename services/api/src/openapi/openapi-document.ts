import { z } from 'zod';
import { ProblemDocument } from '@capstone/contracts/problem-document';
import { problems, type ProblemCode } from '@capstone/contracts/problems';
import { documentSchema, type JsonSchema } from '../http/json-schema.js';
import type { RouteDeclaration } from '../http/route.js';
import type { RegisteredRoute } from '../http/route-registry.js';

type Components = Record<string, JsonSchema>;

const about = `Tasks and documents of a workspace, and search over them. The workspace is in the access token.

Errors are \`application/problem+json\` (RFC 9457): compare \`code\`, never the texts. Lists are keyset-paged: hand
\`nextCursor\` back as \`cursor\` until it is null. Unknown fields are refused.`;

/** The OpenAPI 3.1 document of all routes, made of their declarations alone. */
export function openApiDocument(routes: readonly RegisteredRoute[]) {
  const schemas: Components = {};
  const problem = documentSchema(ProblemDocument, 'output', schemas);
  const paths: Record<string, Record<string, unknown>> = {};
  const documented = routes.filter(({ declaration }) => declaration.documented !== false);
  const tags = new Set(documented.map(({ declaration }) => tagOf(declaration)));
  for (const { url, declaration } of documented) {
    const path = url.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] ??= {};
    paths[path][declaration.method.toLowerCase()] = operation(declaration, schemas);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Capstone',
      version: '1',
      description: about,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: [...tags].map((name) => ({ name })),
    paths,
    components: {
      schemas,
      responses: problemResponses(documented, problem),
      headers,
      securitySchemes: {
        accessToken: { type: 'http', scheme: 'bearer', bearerFormat: 'at+jwt (RFC 9068)' },
      },
    },
  };
}

function operation(route: RouteDeclaration, schemas: Components) {
  return {
    operationId: `${tagOf(route)}_${route.handler}`,
    summary: route.summary,
    tags: [tagOf(route)],
    ...(route.access !== 'public' && {
      description: permissionText(route),
      security: [{ accessToken: [] }],
    }),
    parameters: parameters(route, schemas),
    ...requestBody(route, schemas),
    responses: {
      ...Object.fromEntries(
        Object.entries(route.answers).map(([status, schema]) => [
          status,
          answer(route, Number(status), schema, schemas),
        ]),
      ),
      ...(route.tagged && route.method === 'GET' && { 304: { description: 'Not modified' } }),
      ...Object.fromEntries(
        problemStatuses(route).map(([status, codes]) => [
          status,
          { $ref: `#/components/responses/${responseName(codes)}` },
        ]),
      ),
    },
  };
}

function named(name: keyof typeof headers) {
  return { $ref: `#/components/headers/${name}` };
}

function permissionText({ access, roleNeeds }: RouteDeclaration) {
  if (roleNeeds) return `Needs a role in this workspace with the permission \`${roleNeeds}\`.`;
  return access === 'signed-in' ? 'Needs an access token.' : `Needs the permission \`${access}\`.`;
}

function parameters(route: RouteDeclaration, schemas: Components) {
  const path = Object.entries(route.params).map(([name, schema]) => ({
    name,
    in: 'path',
    required: true,
    schema: documentSchema(schema, 'input', schemas),
  }));
  return [...path, ...queryParameters(route.query, schemas), ...headerParameters(route)];
}

function queryParameters(query: z.ZodType | undefined, schemas: Components) {
  if (!query) return [];
  const { properties = {}, required = [] } = documentSchema(query, 'input', schemas) as {
    properties?: Record<string, JsonSchema>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    ...(description !== undefined && { description }),
    schema,
  }));
}

function headerParameters({ method, ifMatch, tagged, sends }: RouteDeclaration) {
  return [
    ...(method === 'POST'
      ? [
          header(
            'Idempotency-Key',
            'Kept 24 h for this caller and route. The same key and body give the first answer again.',
          ),
        ]
      : []),
    ...(ifMatch
      ? [header('If-Match', 'The ETag of the version to be changed.', ifMatch === 'required')]
      : []),
    ...(tagged && method === 'GET' ? [header('If-None-Match', 'An ETag that is known.')] : []),
    ...(sends === 'text/event-stream'
      ? [header('Last-Event-ID', 'The id of the last event that arrived.')]
      : []),
  ];
}

function header(name: string, description: string, required = false) {
  return { name, in: 'header', required, description, schema: { type: 'string' } };
}

function requestBody({ accepts, body, form }: RouteDeclaration, schemas: Components) {
  if (!body) return {};
  const content = accepts.map((type) => {
    const isForm = form !== undefined && type === 'multipart/form-data';
    const schema = documentSchema(isForm ? form : body, 'input', schemas);
    return [type, { schema: isForm ? withFile(schema) : schema }];
  });
  return { requestBody: { required: true, content: Object.fromEntries(content) } };
}

function withFile(fields: JsonSchema): JsonSchema {
  const file = { type: 'string', contentMediaType: 'application/octet-stream' };
  const { properties = {}, required = [] } = fields as { properties?: object; required?: string[] };
  return { ...fields, properties: { ...properties, file }, required: [...required, 'file'] };
}

function answer(
  route: RouteDeclaration,
  status: number,
  schema: z.ZodType | null,
  schemas: Components,
) {
  const own = {
    ...(route.tagged && { ETag: named('ETag') }),
    ...((status === 201 || (status === 202 && route.tagged)) && { Location: named('Location') }),
    RateLimit: named('RateLimit'),
    'RateLimit-Policy': named('RateLimit-Policy'),
  };
  const type = route.sends ?? 'application/json';
  const content: Record<string, object> | false = schema
    ? { [type]: { schema: documentSchema(schema, 'output', schemas) } }
    : route.sends !== undefined && { [type]: { schema: { type: 'string' } } };
  if (content && route.streams) content['text/event-stream'] = { schema: { type: 'string' } };
  return { description: successes[status] ?? 'Success', headers: own, ...(content && { content }) };
}

const successes: Readonly<Record<number, string>> = {
  200: 'Done',
  201: 'Created',
  202: 'Accepted',
  204: 'Done, nothing to say',
};

const text = { type: 'string' };
const headers = {
  ETag: { description: 'The version, for If-Match and If-None-Match.', schema: text },
  Location: { description: 'Where it is.', schema: text },
  RateLimit: {
    description: 'What is left of the allowance, and when it is whole again.',
    schema: text,
  },
  'RateLimit-Policy': { description: 'The allowance: requests and seconds.', schema: text },
  'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer' } },
};

/** The codes a route can answer with, by status: its own and those that its declaration implies. */
function problemStatuses(route: RouteDeclaration): [string, ProblemCode[]][] {
  const codes = new Set<ProblemCode>(route.problems);
  const implied: [boolean, ProblemCode[]][] = [
    [true, ['rate-limited', 'internal', 'overloaded', 'shutting-down', 'dependency-unavailable']],
    [route.access !== 'public', ['token-missing', 'token-invalid', 'revocation-feed-stale']],
    [
      route.roleNeeds !== undefined || !['public', 'signed-in'].includes(route.access),
      ['permission-denied'],
    ],
    [
      route.body !== undefined,
      ['malformed-request', 'payload-too-large', 'unsupported-media-type'],
    ],
    [
      route.body !== undefined || route.query !== undefined || Object.keys(route.params).length > 0,
      ['validation-failed'],
    ],
    [route.method === 'POST', ['malformed-request']],
    [route.ifMatch !== undefined, ['version-mismatch']],
    [route.ifMatch === 'required', ['if-match-required']],
  ];
  for (const [applies, more] of implied) if (applies) for (const code of more) codes.add(code);

  const byStatus = Object.groupBy([...codes].toSorted(), (code) => String(problems[code].status));
  return Object.entries(byStatus).map(([status, some]) => [status, some ?? []]);
}

/** Routes that can fail in the same ways share a response. */
function problemResponses(routes: readonly RegisteredRoute[], problem: JsonSchema) {
  const all = routes.flatMap(({ declaration }) => problemStatuses(declaration));
  return Object.fromEntries(
    all.map(([status, codes]) => [
      responseName(codes),
      {
        description: codes.map((code) => `\`${code}\`: ${problems[code].title}`).join('\n\n'),
        ...((status === '429' || status === '503') && {
          headers: { 'Retry-After': { $ref: '#/components/headers/Retry-After' } },
        }),
        content: { 'application/problem+json': { schema: problem } },
      },
    ]),
  );
}

function responseName(codes: readonly ProblemCode[]) {
  return codes.join('.');
}

/** One for each controller. */
function tagOf({ controller }: RouteDeclaration) {
  return controller.replace('Controller', '').toLowerCase();
}
