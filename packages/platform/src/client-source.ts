import { isIPv6 } from 'node:net';

/**
 * The address a request is counted under. One household or host has a whole /64 of IPv6, so that prefix is the unit; an
 * IPv4 address inside IPv6 is the IPv4 address.
 */
export function sourceOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [withoutZone = ''] = address.toLowerCase().split('%');
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(withoutZone)?.[1];
  if (mapped) return mapped;
  const [left = '', right = ''] = withoutZone.split('::');
  const head = left === '' ? [] : left.split(':');
  const tail = right === '' ? [] : right.split(':');
  const zeros = withoutZone.includes('::') ? 8 - head.length - tail.length : 0;
  const groups = [...head, ...Array.from({ length: zeros }, () => '0'), ...tail];
  const prefix = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${prefix.join(':')}::/64`;
}
