import { services } from './certificates.js';
import { OperatorError } from './operator-error.js';
import { isPortFree } from './ports.js';
import { defaultPorts } from './service-env.js';

export interface StackPorts {
  http: number;
  grpc: number;
  admin: Record<'auth' | 'api' | 'worker', number>;
}

/** The ports of the stack, all moved by the same number. */
export function stackPorts(offset: number): StackPorts {
  const { http, grpc, admin } = defaultPorts;
  return {
    http: http + offset,
    grpc: grpc + offset,
    admin: { api: admin.api + offset, auth: admin.auth + offset, worker: admin.worker + offset },
  };
}

/** Reads `--port-offset`. Throws OperatorError unless it leaves every port between 1024 and 65535. */
export function parsePortOffset(value: string): number {
  const offset = /^-?\d+$/.test(value) ? Number(value) : Number.NaN;
  const highest = Math.max(...Object.values(defaultPorts.admin));
  const lowest = Math.min(defaultPorts.grpc, defaultPorts.http);
  if (!Number.isInteger(offset) || offset > 65_535 - highest || offset < 1024 - lowest) {
    throw new OperatorError(
      `--port-offset ${value} must be a whole number from ${1024 - lowest} to ${65_535 - highest}.`,
    );
  }
  return offset;
}

/** Throws OperatorError that names the first port another program listens on. */
export async function requireFree(ports: StackPorts): Promise<void> {
  const uses = [
    { port: ports.http, use: 'the API' },
    { port: ports.grpc, use: 'the gRPC door of auth' },
    ...services.map((name) => ({ port: ports.admin[name], use: `health and metrics of ${name}` })),
  ];
  for (const { port, use } of uses) {
    if (await isPortFree(port)) continue;
    throw new OperatorError(
      `Port ${port} (${use}) is in use: stop the program that listens there, or move all ports of the stack with "npm start -- --port-offset 100".`,
    );
  }
}
