import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance, RouteOptions } from 'fastify';
import type { RouteDeclaration } from './route.js';

/** A declaration at its full address, as Fastify has it. */
export interface RegisteredRoute {
  readonly url: string;
  readonly declaration: RouteDeclaration;
}

/** Every route of this process. A route without a declaration has no policy, and with one such the process does not start. */
@Injectable()
export class RouteRegistry implements OnApplicationBootstrap {
  private readonly registered: RegisteredRoute[] = [];
  private readonly undeclared: string[] = [];

  constructor(adapterHost: HttpAdapterHost) {
    const fastify: FastifyInstance = adapterHost.httpAdapter.getInstance();
    fastify.addHook('onRoute', (route) => this.record(route));
  }

  get routes(): readonly RegisteredRoute[] {
    return this.registered;
  }

  onApplicationBootstrap() {
    if (this.undeclared.length === 0) return;
    throw new Error(`Routes without a declaration: ${this.undeclared.join(', ')}`);
  }

  private record(route: RouteOptions) {
    const { declaration } = route.config ?? {};
    if (!declaration) {
      this.undeclared.push(`${[route.method].flat().join('|')} ${route.url}`);
      return;
    }
    if (declaration.bodyLimitBytes !== undefined) route.bodyLimit = declaration.bodyLimitBytes;
    // Fastify answers HEAD with the route of GET, which is registered once more for that.
    if (route.method === declaration.method) this.registered.push({ url: route.url, declaration });
  }
}
