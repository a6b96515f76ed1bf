import 'reflect-metadata';
import { createWorkerApp, runService } from '@capstone/platform/bootstrap';
import { AppModule } from './app.module.js';
import { loadConfig } from './config.js';

await runService({
  name: 'worker',
  loadConfig,
  start: (service) => createWorkerApp(AppModule, service),
});
