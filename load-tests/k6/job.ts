import type { K6Job } from '../src/plan.ts';

const file = __ENV.CAPSTONE_LOAD_JOB;
if (!file) throw new Error('Start this with pnpm load <profile>: it writes the job that k6 reads.');

export const job = JSON.parse(open(file)) as K6Job;
