import { createHttpApp, type HttpApp } from '@capstone/platform/http-app';
import type { Service } from '@capstone/platform/service';
import { AppModule } from './app.module.js';
import type { Config } from './config.js';

/** The whole service, initialised and not listening: main.ts starts it, and so do the tests and the benchmark. */
export function createApi(service: Service<Config>): Promise<HttpApp> {
  return createHttpApp(AppModule, service, service.config.http);
}
