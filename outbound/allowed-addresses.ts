import { BlockList, isIP, isIPv6 } from 'node:net';

/** An address or a CIDR that may be reached although it is private; by one tenant alone, where one is named. */
export interface AllowedAddress {
  cidr: string;
  tenant: string | null;
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Reads `10.1.0.0/16`, or `10.1.0.7@<tenant>`. @throws where it is neither */
export function readAllowedAddress(entry: string): AllowedAddress {
  const [cidr = '', tenant] = entry.split('@');
  const [address = '', bits] = cidr.split('/');
  const most = isIPv6(address) ? 128 : 32;
  const isWhole = isIP(address) !== 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most));
  if (!isWhole || (tenant !== undefined && !uuid.test(tenant)) || entry.split('@').length > 2)
    throw new Error(`${entry} is neither an address nor a CIDR, for all tenants or with @ and the id of one`);
  return { cidr: bits === undefined ? `${address}/${most}` : cidr, tenant: tenant ?? null };
}

/** CIDRs, so that another spelling of an address is the same address. */
export function blockListOf(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', bits] = cidr.split('/');
    list.addSubnet(address, Number(bits), isIPv6(address) ? 'ipv6' : 'ipv4');
  }
  return list;
}
