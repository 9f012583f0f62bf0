/** `radpass-gateway audit verify`: of the running gateway, or offline of a copied folder of disclosure records. */
import { existsSync } from 'node:fs';
import { CodedError, fromHex, parsePublicKey } from '@radpass/core';
import { nodeVerifier } from '@radpass/core/node';
import { openDisclosureLog } from '@radpass/xds/node';
import { GatewayError } from '../errors.js';
import { type AuditResult, auditDisclosures } from '../evidence.js';

/**
 * Judge a copy of `dataDir/disclosures`. It needs neither configuration nor network; what it must be told is whose
 * records they are, from elsewhere than the folder.
 * @param p.keys - every standing key that the source had in the log's life, 64 hex each, its first key first
 */
export async function auditFolder(p: {
  folder: string;
  chainId: string;
  keys: readonly string[];
}): Promise<AuditResult> {
  if (!existsSync(p.folder)) {
    const detail = { code: 'GATEWAY_FILE' as const, path: p.folder, reason: 'no such folder' };
    throw new GatewayError(detail, `${p.folder}: no such folder`);
  }
  const signers = p.keys.map(key => parsePublicKey(key));
  const log = await openDisclosureLog(p.folder);
  try {
    return await auditDisclosures(log, {
      chainId: fromHex(p.chainId, 32),
      sourceKey: signers[0]!,
      signers,
      verifier: nodeVerifier,
    });
  } finally {
    await log.close();
  }
}

/** @throws GatewayError GATEWAY_AUDIT_BROKEN for a result that names a bad record */
export function requireSound(result: AuditResult): AuditResult {
  if (result.firstBad === undefined) return result;
  const { firstBad: record, why = 'the chain of records breaks here' } = result;
  throw new GatewayError(
    { code: 'GATEWAY_AUDIT_BROKEN', record, why },
    `disclosure record ${record} does not hold: ${why}`,
  );
}

export function isHex32(text: string): boolean {
  try {
    return fromHex(text).length === 32;
  } catch (error) {
    if (error instanceof CodedError || error instanceof RangeError || error instanceof TypeError) return false;
    throw error;
  }
}
