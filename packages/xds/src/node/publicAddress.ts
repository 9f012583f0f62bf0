/**
 * Which IP addresses are on the public Internet. A source's URL is chosen by whoever publishes it, so an
 * outgoing connection must not reach this machine, its network or a cloud's metadata service by it.
 *
 * IPv4: everything but the ranges of the IANA special-purpose registry, multicast and class E.
 * IPv6: only 2000::/3, without those parts of it that are special or that carry an IPv4 address inside.
 * Mapped (::ffff:0:0/96), NAT64 (64:ff9b::/96), unique-local, link-local and zoned addresses lie outside.
 */
import { BlockList, isIPv4, isIPv6 } from 'node:net';

const special = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8], // this network
  ['10.0.0.0', 8], // private
  ['100.64.0.0', 10], // carrier-grade NAT
  ['127.0.0.0', 8], // loopback
  ['169.254.0.0', 16], // link-local, cloud metadata
  ['172.16.0.0', 12], // private
  ['192.0.0.0', 24], // IETF protocol assignments
  ['192.0.2.0', 24], // documentation
  ['192.88.99.0', 24], // 6to4 relays
  ['192.168.0.0', 16], // private
  ['198.18.0.0', 15], // benchmarking
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, broadcast
] as const) {
  special.addSubnet(network, prefix, 'ipv4');
}

const global6 = new BlockList();
global6.addSubnet('2000::', 3, 'ipv6');
const special6 = new BlockList();
for (const [network, prefix] of [
  ['2001::', 23], // IETF protocol assignments: Teredo, ORCHID
  ['2001:db8::', 32], // documentation
  ['2002::', 16], // 6to4
  ['3fff::', 20], // documentation
] as const) {
  special6.addSubnet(network, prefix, 'ipv6');
}

/** Whether `address` (an IP literal, no brackets) may be connected to; false for whatever is no address. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !special.check(address, 'ipv4');
  if (!isIPv6(address) || address.includes('%')) return false;
  return global6.check(address, 'ipv6') && !special6.check(address, 'ipv6');
}
