import { HttpCode, RequestMapping, RequestMethod, applyDecorators } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum';
import { RouteConfig, RouteSchema } from '@nestjs/platform-fastify';
import { z } from 'zod';
import type { Permission } from '@capstone/contracts/permissions';
import type { ProblemCode } from '@capstone/contracts/problems';
import { serializerSchema } from './json-schema.js';

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Who may call: anybody, anybody who is signed in, or who holds the permission. */
export type Access = 'public' | 'signed-in' | Permission;

/** Which allowance a request is taken from; see the limits in config.ts. */
export type Allowance = 'caller' | 'source' | 'sign-in';

export interface RouteSpec {
  readonly summary: string;
  readonly access: Access;
  /** What auth asks of the caller's role in the workspace that the path names. */
  readonly roleNeeds?: Permission;
  /**
   * For what could cost somebody their account: only within minutes of a sign-in (`freshSignInSeconds`). auth, which also
   * knows whether a second factor is due, looks again.
   */
  readonly freshSignIn?: boolean;
  /** The status of success, or of each success, with its body. `null`: no body. */
  readonly answers: Readonly<Record<number, z.ZodType | null>>;
  /** Codes of its own; those that every route can meet are added by the OpenAPI document. */
  readonly problems?: readonly ProblemCode[];
  /** Default: `caller`, or `source` where access is public. */
  readonly allowance?: Allowance;
  /** Content types of a body; default `application/json`. */
  readonly accepts?: readonly string[];
  /** The JSON body of a handler that reads its body itself, because it may be a form instead. */
  readonly body?: z.ZodType;
  /** The fields beside the one `file` of a `multipart/form-data` body. */
  readonly form?: z.ZodType;
  /** Default: what the HTTP edge allows for all. */
  readonly bodyLimitBytes?: number;
  /** Where it is not a JSON body: what is sent instead. */
  readonly sends?: string;
  /** Answers with server-sent events instead of JSON where the client accepts them. */
  readonly streams?: boolean;
  /** PUT needs If-Match, or two writers overwrite each other unseen. */
  readonly ifMatch?: 'required' | 'optional';
  /** Takes part in ETag and If-None-Match. */
  readonly tagged?: boolean;
  /** False for a route that is meant for people and machines outside the API itself: it is not in the document. */
  readonly documented?: boolean;
}

/** Everything there is to know about a route. The access hook, the OpenAPI document and the tests read it. */
export interface RouteDeclaration extends RouteSpec {
  readonly accepts: readonly string[];
  readonly method: HttpMethod;
  readonly controller: string;
  readonly handler: string;
  readonly query?: z.ZodType;
  readonly params: Readonly<Record<string, z.ZodType>>;
}

const jsonOnly = ['application/json'];

interface ArgumentMetadata {
  readonly data?: unknown;
  readonly schema?: z.ZodType;
}

/**
 * The one declaration of a route. It takes the input schemas from the method's own `@Body`, `@Query` and `@Param`
 * decorators, which have run by then, so that nothing is said twice; and throws while the class loads when one is missing.
 */
export function Route(method: HttpMethod, path: string, spec: RouteSpec): MethodDecorator {
  return (target, property, descriptor) => {
    const declaration = declare(target.constructor, String(property), method, path, spec);
    const [status = 200] = Object.keys(spec.answers).map(Number);
    applyDecorators(
      RequestMapping({ method: RequestMethod[method], path }),
      HttpCode(status),
      RouteConfig({ declaration }),
      RouteSchema({ response: serializers(spec.answers) }),
    )(target, property, descriptor);
  };
}

function declare(
  controller: Function,
  handler: string,
  method: HttpMethod,
  path: string,
  spec: RouteSpec,
): RouteDeclaration {
  const inputs = Object.entries<ArgumentMetadata>(
    Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, handler) ?? {},
  );
  const schemasOf = (type: RouteParamtypes) =>
    inputs
      .filter(([key]) => key.startsWith(`${type}:`))
      .map(([, { data, schema }]): [string, z.ZodType] => {
        if (!schema) throw new Error(`${controller.name}.${handler}: an input has no schema`);
        return [String(data), schema];
      });
  const params = Object.fromEntries(schemasOf(RouteParamtypes.PARAM));
  const body = schemasOf(RouteParamtypes.BODY)[0]?.[1];
  const query = schemasOf(RouteParamtypes.QUERY)[0]?.[1];

  const undeclared = [...path.matchAll(/:(\w+)/g)].find(([, name]) => !params[name ?? '']);
  if (undeclared) throw new Error(`${controller.name}.${handler}: ${undeclared[0]} has no schema`);
  if (Object.keys(spec.answers).length === 0) {
    throw new Error(`${controller.name}.${handler}: no answer is declared`);
  }
  return {
    ...spec,
    method,
    controller: controller.name,
    handler,
    params,
    accepts: spec.accepts ?? jsonOnly,
    ...(body && { body }),
    ...(query && { query }),
  };
}

/** Fastify serializes by these, and sends no field that the schema does not name. */
function serializers(answers: RouteSpec['answers']) {
  return Object.fromEntries(
    Object.entries(answers).flatMap(([status, schema]) =>
      schema ? [[status, serializerSchema(schema)]] : [],
    ),
  );
}
