import { writeFileSync } from 'node:fs';
import { problemsPage } from './problems-page.js';

writeFileSync(new URL('../../../docs/problems.md', import.meta.url), problemsPage());
