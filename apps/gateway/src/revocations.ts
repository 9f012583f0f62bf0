/**
 * The gateway's own copy of every valid revocation ever seen: by its nodes' events, by what a
 * node has kept when events were missed, or brought straight here. Sticky: it counts from the moment it is seen, is
 * written before it is acknowledged, never undone by a fork, and goes to the nodes by the outbox until it is final.
 * A stranger's or a former owner's word stops nobody: an entry counts for its own patientKey's grants alone.
 */

import { ClientError, type NodeApi } from '@radpass/client';
import {
  checkSignatures,
  codeOf,
  createReceipt,
  encodeCanonical,
  equalBytes,
  fromHex,
  type PublicKey,
  parseTransaction,
  publicKeyHex,
  type RevokeAccess,
  type SecretKey,
  sha256,
  type Transaction,
  toHex,
  type Verifier,
} from '@radpass/core';
import { GatewayError } from './errors.js';
import { ledgerStudy } from './ledgerStudy.js';
import { type Change, type Records, type RevocationRecord, Turn } from './records.js';
import type { Log } from './runtime.js';

const maxRequestersPerStudy = 64;
const catchUpPauseMs = 20;
const catchUpRetryMs = 1000;

export interface RevocationsInit {
  records: Records;
  nodes: readonly NodeApi[];
  chainId: Uint8Array;
  sourceKey: PublicKey;
  key: SecretKey;
  verifier: Verifier;
  log: Log;
  now: () => number;
  /** Begin posting what was added to the outbox. */
  post: () => void;
}

export class Revocations {
  readonly #init: RevocationsInit;
  /** study and patient -> requester ('' = everyone) -> record. */
  readonly #seen = new Map<string, Map<string, RevocationRecord>>();
  /** What disk doesn't have yet, by key; it counts all the same. */
  readonly #unsaved = new Map<string, Change[]>();
  readonly #turn = new Turn();
  /** Nodes that are being asked -> whether events were missed since, so that they have to be asked again. */
  readonly #catchingUp = new Map<NodeApi, boolean>();
  #stopped = false;

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
    if (equalBytes(tuple.sourceKey, this.#init.sourceKey)) await this.#store(transaction, tuple, false);
  }

  /**
   * A node's events were missed (a start of ours or of its): take over every revocation that it has kept for our
   * studies. Tries again until it is through or `stop` is called, so that no gap stays.
   */
  async catchUp(node: NodeApi): Promise<void> {
    const underWay = this.#catchingUp.has(node);
    this.#catchingUp.set(node, true);
    if (underWay) return;
    while (this.#catchingUp.get(node) && !this.#stopped) {
      this.#catchingUp.set(node, false);
      await this.#catchUpOnce(node);
    }
    this.#catchingUp.delete(node);
  }

  async #catchUpOnce(node: NodeApi): Promise<void> {
    for (const { studyHash } of await this.#init.records.all('studies')) {
      while (!this.#stopped && !(await this.#caughtUp(node, studyHash))) await pause(catchUpRetryMs);
      if (this.#stopped) return;
      await pause(catchUpPauseMs);
    }
  }

  async #caughtUp(node: NodeApi, studyHash: string): Promise<boolean> {
    try {
      const { grants, revocations } = await node.grantsOfStudy(this.#init.sourceKey, fromHex(studyHash));
      const said = [...grants.map(grant => ({ ...grant, seq: grant.revokedSeq })), ...revocations];
      const isThis = (entry: (typeof said)[number]): boolean =>
        toHex(entry.studyHash) === studyHash && equalBytes(entry.sourceKey, this.#init.sourceKey);
      for (const entry of said.filter(isThis)) await this.#take(entry);
      return true;
    } catch (error) {
      // A study with more entries than a node lists: the facts of each decision name its revocations all the same.
      if (error instanceof ClientError && error.detail.code === 'CLIENT_REFUSED' && error.detail.status === 400)
        return true;
      this.#init.log('catch-up-failed', { reason: codeOf(error) });
      return false;
    }
  }

  /** By a node's word alone: it has checked the signature and kept the number. */
  async #take(p: Pick<RevokeAccess, 'studyHash' | 'patientKey' | 'requesterKey' | 'seq'>): Promise<void> {
    const requesterKey = p.requesterKey ? publicKeyHex(p.requesterKey) : '';
    const names = { studyHash: toHex(p.studyHash), patientKey: publicKeyHex(p.patientKey), requesterKey };
    if (p.seq > 0) await this.#record({ ...names, seq: p.seq, transaction: '' }, []);
  }

  stop(): void {
    this.#stopped = true;
  }

  /**
   * Brought straight to the gateway: stored, passed on to the nodes, and acknowledged by a signed receipt.
   * @throws GatewayError GATEWAY_REVOCATION_INVALID
   */
  async receive(bytes: Uint8Array): Promise<{ receipt: Uint8Array; seq: number }> {
    const { transaction, tuple } = this.#parse(bytes);
    if (!equalBytes(tuple.sourceKey, this.#init.sourceKey)) throw invalid('it names another source');
    if (!(await this.#isOwner(tuple))) throw invalid('its signer does not own the study');
    await this.#store(transaction, tuple, true);
    this.#init.post();
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
    const entry = await ledgerStudy(this.#init.nodes, this.#init.sourceKey, studyHash);
    return [entry?.owner, entry?.pendingOwner].some(key => key && equalBytes(key, tuple.patientKey));
  }

  async #store(transaction: Transaction, tuple: RevokeAccess, passOn: boolean): Promise<void> {
    const transactionId = toHex(transaction.id);
    const record: RevocationRecord = {
      studyHash: toHex(tuple.studyHash),
      patientKey: publicKeyHex(tuple.patientKey),
      requesterKey: tuple.requesterKey ? publicKeyHex(tuple.requesterKey) : '',
      seq: tuple.seq,
      transaction: toHex(transaction.bytes),
    };
    if (await this.#folds(record, tuple)) record.requesterKey = '';
    const outgoing = { transactionId, transaction: record.transaction, revocation: true };
    await this.#record(record, passOn ? [{ table: 'outbox', key: transactionId, value: outgoing }] : []);
  }

  /** Beyond 64 requesters of a study, one that holds no grant is kept as everyone; so is one of whom nothing is known. */
  async #folds(record: RevocationRecord, tuple: RevokeAccess): Promise<boolean> {
    const entries = this.#seen.get(`${record.studyHash}/${record.patientKey}`);
    if (!entries || record.requesterKey === '' || entries.has(record.requesterKey)) return false;
    if (entries.size < maxRequestersPerStudy) return false;
    const asked = this.#init.nodes.map(node => node.grantsOfStudy(tuple.sourceKey, tuple.studyHash));
    const answers = await Promise.allSettled(asked);
    const grants = answers.flatMap(answer => (answer.status === 'fulfilled' ? answer.value.grants : []));
    const isHeld = (grant: (typeof grants)[number]): boolean =>
      grant.type === 3 &&
      toHex(grant.patientKey) === record.patientKey &&
      toHex(grant.requesterKey) === record.requesterKey;
    return !grants.some(isHeld);
  }

  /** From here it counts; on disk when this resolves. Disk sees the changes of one key in the order of their seq. */
  async #record(record: RevocationRecord, more: Change[]): Promise<void> {
    const key = `${record.studyHash}/${record.patientKey}/${record.requesterKey}`;
    const former = this.#seen.get(`${record.studyHash}/${record.patientKey}`)?.get(record.requesterKey);
    if ((former?.seq ?? 0) < record.seq) {
      this.#keep(record);
      this.#unsaved.set(key, [...withdrawn(former), { table: 'revocations', key, value: record }, ...more]);
    }
    await this.#turn.take(async () => {
      const changes = this.#unsaved.get(key);
      if (!changes) return;
      await this.#init.records.write(changes);
      if (this.#unsaved.get(key) === changes) this.#unsaved.delete(key);
    });
  }

  #keep(record: RevocationRecord): void {
    const name = `${record.studyHash}/${record.patientKey}`;
    const entries = this.#seen.get(name) ?? new Map<string, RevocationRecord>();
    entries.set(record.requesterKey, record);
    this.#seen.set(name, entries);
  }
}

/** A greater revocation takes the place of the former one in the outbox, too: what waits there is bounded with the table. */
function withdrawn(former: RevocationRecord | undefined): Change[] {
  if (!former?.transaction) return [];
  return [{ table: 'outbox', key: toHex(sha256(fromHex(former.transaction))), value: null }];
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}

function invalid(reason: string): GatewayError {
  return new GatewayError({ code: 'GATEWAY_REVOCATION_INVALID', reason }, `the revocation is refused: ${reason}`);
}
