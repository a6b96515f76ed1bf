import type { FastifyInstance } from 'fastify';

/**
 * Remembers the routes as they are added, and tells which methods some route takes at a path: asked only when none was
 * found, to tell 405 from 404. Fastify's router does not say.
 */
export function recordRoutes(fastify: FastifyInstance): (url: string) => readonly string[] {
  const methodsByTemplate = new Map<string, Set<string>>();
  fastify.addHook('onRoute', ({ url, method }) => {
    const methods = methodsByTemplate.get(url) ?? new Set();
    for (const name of [method].flat()) methods.add(name);
    methodsByTemplate.set(url, methods);
  });
  return (url) => {
    const path = url.split('?', 1)[0]!;
    const found = [...methodsByTemplate].filter(([template]) => matches(template, path));
    return [...new Set(found.flatMap(([, methods]) => [...methods]))].toSorted();
  };
}

/** Templates have whole-segment parameters (`:id`) and a trailing `*`, nothing finer. */
function matches(template: string, path: string): boolean {
  const wanted = template.split('/');
  const given = path.split('/');
  const isOpen = wanted.at(-1) === '*';
  if (isOpen ? given.length < wanted.length : given.length !== wanted.length) return false;
  return wanted.every(
    (part, at) => part === '*' || (part.startsWith(':') ? given[at] !== '' : part === given[at]),
  );
}
