import { runService } from '@capstone/platform/bootstrap';
import { loadConfig } from './config.js';
import { startAuth } from './start.js';

await runService({ name: 'auth', loadConfig, start: startAuth });
