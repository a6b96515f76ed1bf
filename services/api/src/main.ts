import 'reflect-metadata';
import { runService } from '@capstone/platform/bootstrap';
import { createApi } from './app.js';
import { loadConfig } from './config.js';

await runService({
  name: 'api',
  loadConfig,
  start: async (service) => {
    const { host, port } = service.config.http;
    const api = await createApi(service);
    const inUse = await api.listen(host, port);
    service.logger.info({ host, port: inUse }, 'listening');
    return api;
  },
});
