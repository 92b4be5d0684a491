import { describe, expect, it } from 'vitest';
import { isInside } from './inside-addresses.ts';

describe('an address', () => {
  it.each([
    '8.8.8.8',
    '168.63.129.15',
    '168.63.129.17',
    '192.88.98.255',
    '2606:4700:4700::1111',
    '2a00:1450:4001:82b::200e',
    '2600:1f18::5efe',
    '2001:200::1',
    '2003::1',
    '2606:4700::5efe:1:a00:1',
  ])('that anybody may have is not taken for one inside: %s', (address) => {
    expect(isInside(address)).toBe(false);
  });

  it.each(['fe80::1%eth0', '2606:4700:0:0:0:5EFE:a00:1', '2606:4700::200:5efe:10.0.0.1', '2606:4700::5efe:192.168.1.1'])(
    'is read in every spelling: %s',
    (address) => {
      expect(isInside(address)).toBe(true);
    },
  );
});
