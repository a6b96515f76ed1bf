import { expect, test } from 'vitest';
import { parsePortOffset, stackPorts } from './stack-ports.js';

test('without an offset the ports are the documented ones', () => {
  expect(stackPorts(0)).toEqual({
    http: 8080,
    grpc: 7070,
    admin: { api: 9080, auth: 9081, worker: 9082 },
  });
});

test('an offset moves every port', () => {
  expect(stackPorts(parsePortOffset('100'))).toEqual({
    http: 8180,
    grpc: 7170,
    admin: { api: 9180, auth: 9181, worker: 9182 },
  });
});

test.each(['x', '1.5', '60000', '-7000', ''])('refuses the offset "%s"', (value) => {
  expect(() => parsePortOffset(value)).toThrow(/must be a whole number from -6046 to 56453/);
});
