import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';

/** The proto packages of generated services, such as capstone.auth.v1. */
export function packagesOf(services: readonly ServiceDefinition[]): string[] {
  return [...new Set(services.map((service) => nameOf(service).replace(/\.[^.]+$/, '')))];
}

/** The full name of a generated service, such as capstone.auth.v1.KeysService. */
export function nameOf(service: ServiceDefinition): string {
  const [first] = pathsOf(service);
  if (first === undefined) throw new Error('A gRPC service without methods cannot be served');
  return first.split('/')[1]!;
}

/** The full paths of its methods, such as /capstone.auth.v1.KeysService/GetJwks. */
export function pathsOf(service: ServiceDefinition): string[] {
  return methodsOf(service).map((method) => method.path);
}

export function methodsOf(service: ServiceDefinition): MethodDefinition<unknown, unknown>[] {
  return Object.values(service) as MethodDefinition<unknown, unknown>[];
}
