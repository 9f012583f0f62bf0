/** `radpass-gateway check`: everything that would keep the gateway from serving, before a patient finds out. */
import { publicKeyHex } from '@radpass/core';
import type { GatewayConfig } from '../config.js';
import { GatewayError } from '../errors.js';
import { findSource, nodesOf, openSourceKey, tlsPin } from '../gateway.js';
import { countStudies } from '../imageStore.js';

const maxClockDifferenceMs = 30_000;

export interface Findings {
  sourceKey: string;
  url: string;
  studies: number;
  /** Files of a folder that are no DICOM, or damaged: no study has them. */
  filesLeftOut: number;
  finalAgeMs: number;
  directory: 'this url' | 'not yet published';
}

/** @throws GatewayError GATEWAY_CHECK_FAILED naming the first thing that is wrong; ClientError CLIENT_WRONG_NETWORK */
export async function checkGateway(config: GatewayConfig): Promise<Findings> {
  const key = await openSourceKey(config);
  tlsPin(config);
  const images = await countStudies(config);
  const nodes = nodesOf(config);
  const { sourceKey } = await findSource(config, nodes, key.publicKey);
  const node = nodes[0]!;
  const status = await node.status();
  const own = Date.now() - (status.genesisTimeMs + status.finalSlot * status.slotMs);
  if (Math.abs(own - status.finalAgeMs) > maxClockDifferenceMs)
    throw failed("this machine's clock and the node's differ by more than 30 s");
  const entry = await node.source(sourceKey);
  if (entry && entry.url !== config.url)
    throw failed(`the directory has another url for this source: ${entry.url || 'closed'}`);
  return {
    sourceKey: publicKeyHex(sourceKey),
    url: config.url,
    ...images,
    finalAgeMs: status.finalAgeMs,
    directory: entry ? 'this url' : 'not yet published',
  };
}

function failed(what: string): GatewayError {
  return new GatewayError({ code: 'GATEWAY_CHECK_FAILED', what }, what);
}
