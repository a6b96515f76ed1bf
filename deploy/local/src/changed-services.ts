import { services, type ServiceName } from './certificates.js';

/** The services that run the given built file (a path in the checkout): one for its own, all for a package's. */
export function changedServices(file: string): readonly ServiceName[] {
  if (!file.endsWith('.js')) return [];
  const [, folder, name] =
    /(packages|services)\/([^/]+)\/dist\//.exec(file.replaceAll('\\', '/')) ?? [];
  if (folder === 'packages') return services;
  return services.filter((service) => service === name);
}
