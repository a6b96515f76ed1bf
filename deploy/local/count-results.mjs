// Prints `N passed, N failed` over vitest's JSON reports. A step that failed without a failing test (lint, types, a run
// that never began) counts as one failure, so the last line never says less than the exit code.
import { existsSync, readFileSync } from 'node:fs';

const [failedSteps = '0', ...files] = process.argv.slice(2);
const reports = files
  .filter((file) => existsSync(file))
  .map((file) => JSON.parse(readFileSync(file, 'utf8')));
const sum = (key) => reports.reduce((total, report) => total + report[key], 0);

const failedTests = sum('numFailedTests');
const failed = Math.max(failedTests, Number(failedSteps));
console.log(`${sum('numPassedTests')} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
