import { fastify } from 'fastify';

/** What there is to lose: Fastify with nothing around it. Speaks to its parent: the port, and its CPU time when asked. */
const app = fastify();
const echo = { type: 'object', properties: { title: { type: 'string' } } };

app.get('/hello', () => ({ hello: 'world' }));
app.post('/echo', { schema: { body: echo, response: { 200: echo } } }, (request) => request.body);

await app.listen({ host: '127.0.0.1', port: 0 });
process.on('message', () => process.send?.(process.cpuUsage()));
process.on('disconnect', () => process.exit(0));
process.send?.({ port: (app.server.address() as { port: number }).port });
