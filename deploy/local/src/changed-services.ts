import { services, type ServiceName } from './certificates.js';

/** The services that run the given source file (a path in the checkout): one for its own, all for a package's. */
export function changedServices(file: string): readonly ServiceName[] {
  if (!file.endsWith('.ts') || file.endsWith('.test.ts')) return [];
  const [, folder, name] =
    /(packages|services)\/([^/]+)\/src\//.exec(file.replaceAll('\\', '/')) ?? [];
  if (folder === 'packages') return services;
  return services.filter((service) => service === name);
}
