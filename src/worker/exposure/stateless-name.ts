import { createHmac, randomInt } from 'node:crypto';
import { isIPv4 } from 'node:net';
import type { Secret } from '../../base/index.ts';

/**
 * The parts of a name for a stateless DNS server, which resolves it to the address in the name until the name expires.
 */
export interface StatelessName {
  /** An IPv4 address. */
  readonly ip: string;
  /** When the name expires, in ms since the epoch. */
  readonly expires: number;
  /** The secret shared with the DNS server. */
  readonly secret: Secret;
  /** The server's domain, such as `taskcluster-worker.net`. */
  readonly subdomain: string;
  /** 16 bits that distinguish names with the same address and expiry. Random by default. */
  readonly salt?: number;
}

const HMAC_BYTES = 16;
const LETTERS = 'abcdefghijklmnopqrstuvwxyz234567';

/**
 * Creates a host name for taskcluster/stateless-dns-server. Its label is the base32 encoding of the address, the
 * expiry, the salt and the first 16 bytes of their HMAC-SHA256.
 *
 * @throws Error for an IPv6 address, since these names support only IPv4
 */
export function statelessName({
  ip,
  expires,
  secret,
  subdomain,
  salt = randomInt(2 ** 16),
}: StatelessName): string {
  if (!isIPv4(ip)) throw new Error(`publicIP ${ip} is not an IPv4 address, which livelogSecret needs`);
  const payload = Buffer.alloc(14);
  payload.set(ip.split('.').map(Number));
  payload.writeBigInt64BE(BigInt(expires), 4);
  payload.writeUInt16BE(salt, 12);
  const hmac = createHmac('sha256', secret.reveal()).update(payload).digest().subarray(0, HMAC_BYTES);
  return `${base32(Buffer.concat([payload, hmac]))}.${subdomain}`;
}

/** Encodes bytes per RFC 3548, in lower case. Whole groups of five bytes need no padding. */
function base32(bytes: Buffer): string {
  const bits = Array.from(bytes, byte => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{5}/g) ?? []).map(five => LETTERS[Number.parseInt(five, 2)]).join('');
}
