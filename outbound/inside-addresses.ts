import { isIPv4, isIPv6 } from 'node:net';
import { blockListOf } from './allowed-addresses.ts';

/**
 * Addresses behind which nobody outside can be, beyond those that the filter of outgoing connections knows by itself. Of IPv6 only what was given out as global unicast is let
 * through, so that whatever is set aside next is refused before anybody here has heard of it.
 */
export function isInside(address: string): boolean {
  if (isIPv4(address)) return insideIPv4.check(address, 'ipv4');
  if (!isIPv6(address)) return false;
  return !globalUnicast.check(address, 'ipv6') || setAside.check(address, 'ipv6') || isIsatap(address);
}

const insideIPv4 = blockListOf([
  '168.63.129.16/32', // Azure's hosts answer their machines there, with what those are configured with: a public address by name alone.
  '192.0.0.0/24', // RFC 6890; Oracle's machines find their metadata there.
  '192.88.99.0/24', // RFC 7526: relays of 6to4, of which none is left that anybody vouches for.
  '198.18.0.0/15', // RFC 2544.
]);

const globalUnicast = blockListOf(['2000::/3']);

const setAside = blockListOf([
  '2001::/23', // RFC 2928: Teredo, benchmarks, ORCHID and whatever else protocols are given.
  '2001:db8::/32', // RFC 3849.
  '2002::/16', // RFC 3056: 6to4 holds an IPv4 address.
  '3fff::/20', // RFC 9637.
]);

/** RFC 5214: under any prefix, the lower half is `0000:5efe` or `0200:5efe` and an IPv4 address, to which a router of that kind passes it on. */
function isIsatap(address: string): boolean {
  const groups = groupsOf(address);
  return groups === null || (groups[5] === 0x5efe && (groups[4] === 0 || groups[4] === 0x200));
}

/** The eight numbers of an IPv6 address; null where it is none that a URL may hold, as with a zone. */
function groupsOf(address: string): number[] | null {
  const url = `http://[${address}]/`;
  if (!URL.canParse(url)) return null;
  const [before = '', after] = new URL(url).hostname.slice(1, -1).split('::');
  const numbers = (text = '') => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)));
  const [head, tail] = [numbers(before), numbers(after)];
  return [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}
