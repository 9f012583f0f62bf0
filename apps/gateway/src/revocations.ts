/**
 * The gateway's own copy of every valid revocation ever seen (DESIGN sections 7 and 9): by its nodes' events, or
 * brought straight here. Sticky: written before it is acknowledged, never undone by a fork, passed on to the nodes.
 * A stranger's or a former owner's word stops nobody: an entry counts for its own patientKey's grants alone.
 */

import type { NodeApi } from '@radpass/client';
import {
  checkSignatures,
  createReceipt,
  encodeCanonical,
  equalBytes,
  type PublicKey,
  parseTransaction,
  publicKeyHex,
  type RevokeAccess,
  type SecretKey,
  type Transaction,
  toHex,
  type Verifier,
} from '@radpass/core';
import { ledgerStudy } from './claims.js';
import { GatewayError } from './errors.js';
import type { Records, RevocationRecord } from './records.js';
import type { Log } from './runtime.js';

const maxRequestersPerStudy = 64;

export interface RevocationsInit {
  records: Records;
  nodes: readonly NodeApi[];
  chainId: Uint8Array;
  sourceKey: PublicKey;
  key: SecretKey;
  verifier: Verifier;
  log: Log;
  now: () => number;
}

export class Revocations {
  readonly #init: RevocationsInit;
  /** study and patient -> requester ('' = everyone) -> record; the same as on disk. */
  readonly #seen = new Map<string, Map<string, RevocationRecord>>();

  private constructor(init: RevocationsInit) {
    this.#init = init;
  }

  static async open(init: RevocationsInit): Promise<Revocations> {
    const revocations = new Revocations(init);
    for (const record of await init.records.all('revocations')) revocations.#keep(record);
    return revocations;
  }

  /** Greatest seq of a revocation by `owner` for this requester or everyone; 0 if there is none. */
  revokedSeq(owner: PublicKey, studyHash: Uint8Array, requester: PublicKey): number {
    const entries = this.#seen.get(`${toHex(studyHash)}/${publicKeyHex(owner)}`);
    return Math.max(entries?.get(publicKeyHex(requester))?.seq ?? 0, entries?.get('')?.seq ?? 0);
  }

  /** From a node's event stream: its node has checked that the patient owns or owned the study. */
  async fromNode(bytes: Uint8Array): Promise<void> {
    const { transaction, tuple } = this.#parse(bytes);
    if (equalBytes(tuple.sourceKey, this.#init.sourceKey)) await this.#store(transaction, tuple);
  }

  /**
   * Brought straight to the gateway: stored, passed on to the nodes, and acknowledged by a signed receipt.
   * @throws GatewayError GATEWAY_REVOCATION_INVALID
   */
  async receive(bytes: Uint8Array): Promise<{ receipt: Uint8Array; seq: number }> {
    const { transaction, tuple } = this.#parse(bytes);
    if (!equalBytes(tuple.sourceKey, this.#init.sourceKey)) throw invalid('it names another source');
    if (!(await this.#isOwner(tuple))) throw invalid('its signer does not own the study');
    await this.#store(transaction, tuple);
    void this.#passOn(transaction);
    const { chainId, key, now } = this.#init;
    const message = encodeCanonical([
      tuple.studyHash,
      tuple.patientKey,
      tuple.requesterKey ?? new Uint8Array(),
      tuple.seq,
      now(),
    ]);
    return { receipt: createReceipt('revocation-receipt', { key, chainId, message }), seq: tuple.seq };
  }

  #parse(bytes: Uint8Array): { transaction: Transaction; tuple: RevokeAccess } {
    const transaction = parseTransaction(bytes);
    const { tuple } = transaction;
    if (tuple.type !== 4) throw invalid('it is another tuple');
    checkSignatures(transaction, this.#init.chainId, undefined, this.#init.verifier);
    return { transaction, tuple };
  }

  /** By our own record of confirmed claims, or by the ledger. */
  async #isOwner(tuple: RevokeAccess): Promise<boolean> {
    const studyHash = toHex(tuple.studyHash);
    const patientKey = publicKeyHex(tuple.patientKey);
    const claims = await this.#init.records.all('claims');
    if (
      claims.some(claim => claim.state === 'final' && claim.studyHash === studyHash && claim.patientKey === patientKey)
    )
      return true;
    for (const node of this.#init.nodes) {
      const entry = await ledgerStudy(node, this.#init.sourceKey, studyHash);
      if (entry && [entry.owner, entry.pendingOwner].some(key => key && equalBytes(key, tuple.patientKey))) return true;
    }
    return false;
  }

  async #store(transaction: Transaction, tuple: RevokeAccess): Promise<void> {
    const record: RevocationRecord = {
      studyHash: toHex(tuple.studyHash),
      patientKey: publicKeyHex(tuple.patientKey),
      requesterKey: tuple.requesterKey ? publicKeyHex(tuple.requesterKey) : '',
      seq: tuple.seq,
      transaction: toHex(transaction.bytes),
    };
    const entries = this.#seen.get(`${record.studyHash}/${record.patientKey}`);
    if (entries && !entries.has(record.requesterKey) && entries.size >= maxRequestersPerStudy) record.requesterKey = '';
    if ((entries?.get(record.requesterKey)?.seq ?? 0) >= record.seq) return;
    const key = `${record.studyHash}/${record.patientKey}/${record.requesterKey}`;
    await this.#init.records.write([{ table: 'revocations', key, value: record }]);
    this.#keep(record);
  }

  #keep(record: RevocationRecord): void {
    const name = `${record.studyHash}/${record.patientKey}`;
    const entries = this.#seen.get(name) ?? new Map<string, RevocationRecord>();
    entries.set(record.requesterKey, record);
    this.#seen.set(name, entries);
  }

  async #passOn(transaction: Transaction): Promise<void> {
    const posts = await Promise.allSettled(this.#init.nodes.map(node => node.submit(transaction)));
    const failed = posts.filter(post => post.status === 'rejected').length;
    if (failed > 0) this.#init.log('revocation-not-passed-on', { nodes: failed });
  }
}

function invalid(reason: string): GatewayError {
  return new GatewayError({ code: 'GATEWAY_REVOCATION_INVALID', reason }, `the revocation is refused: ${reason}`);
}
