import { expect, test } from 'vitest';
import { seriesIn } from './promql.js';

test.each([
  ['sum by (route) (rate(http_total{route!~"a|b"}[5m]))', ['http_total']],
  ['a:b / on (x, y) group_left (z) c > bool 0 or vector(1)', ['a:b', 'c']],
  ['histogram_quantile(0.95, sum by (le) (rate(x_bucket[1m] offset 1h)))', ['x_bucket']],
  ['14.4 * (1 - 0.999) < up and absent(y{job="up2"})', ['up', 'y']],
])('the series of %s', (expression, names) => {
  expect(seriesIn(expression)).toEqual(names);
});
