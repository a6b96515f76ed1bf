import { Counter } from 'prom-client';
import { registry } from '@capstone/platform/metrics';

/** What this service counts besides what the platform does. */
export const requeued = new Counter({
  name: 'worker_requeued_total',
  help: 'Jobs queued again by the reaper, because their worker died or Redis lost them.',
  labelNames: ['job'],
  registers: [registry],
});
