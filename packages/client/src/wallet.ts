/**
 * The patient's side of Figure 3: claim a study (block B), allow access (block C), revoke, veto, take over.
 *
 * The record is saved before anything that relies on it leaves: a key is on disk before it is claimed with, a grant
 * before it is posted. Stopping anywhere leaves a study or grant that `list` shows with how far it came, and the same
 * command again completes it.
 */
import {
  cardWords,
  chooseSeq,
  claimWords,
  createKeepStudy,
  createRevokeAccess,
  fromHex,
  Keyring,
  type PublicKey,
  parsePublicKey,
  publicKeyHex,
  type RequesterCard,
  type RevokeAccess,
  type SecretKey,
  type StudyOffer,
  toHex,
} from '@radpass/core';
import { ClientError } from './errors.js';
import type { GatewayApi } from './gatewayApi.js';
import { type LightNodes, lightOfRecord, type OpenLight, provenStudyOf } from './lightNodes.js';
import type { NodeApi, SeqQuery } from './nodeApi.js';
import type { StudyEntry } from './nodeSchemas.js';
import { studyAt } from './studyAt.js';
import type { Allowed, Claimed, ListedStudy } from './walletAnswers.js';
import { checkRedeemed, freeKey, type Here, readCard, readOffer } from './walletChecks.js';
import { fetchReceipts, type ListedAccesses, listAccesses } from './walletReceipts.js';
import {
  encodeRecord,
  parseRecord,
  type RecordStore,
  type WalletGrant,
  type WalletRecord,
  type WalletStudy,
  walletRecordSchema,
} from './walletRecord.js';
import { type NamedStudy, signClaim, signGrant } from './walletSigned.js';
import { listedStudy, notYours, studyState } from './walletState.js';

export interface WalletDeps {
  store: RecordStore;
  node: NodeApi;
  gateway: (url: string) => GatewayApi;
  /** What checks the nodes' word on studies; without it they are believed. */
  light?: OpenLight;
  /** Unix ms. */
  now: () => number;
}

export class Wallet {
  readonly #deps: WalletDeps;
  readonly #record: WalletRecord;
  readonly #keyring: Keyring;
  readonly #light: () => Promise<LightNodes | null>;

  private constructor(deps: WalletDeps, record: WalletRecord) {
    this.#deps = deps;
    this.#record = record;
    this.#keyring = Keyring.fromBackup(record.backup);
    this.#light = lightOfRecord(deps.light, record, () => this.#save());
  }

  /** Open the wallet in the store, or make one for the node's network. @throws ClientError CLIENT_RECORD_DAMAGED */
  static async open(deps: WalletDeps): Promise<Wallet> {
    const bytes = await deps.store.load();
    if (bytes) return new Wallet(deps, parseRecord(bytes, walletRecordSchema));
    const { chainId } = await deps.node.status();
    const backup = Keyring.create().backup();
    const wallet = new Wallet(deps, { version: 1, chainId: toHex(chainId), backup, nextIndex: 0, studies: [] });
    await wallet.#save();
    return wallet;
  }

  /** Redeem an offer and claim the study with a fresh key. Compare the words with the desk's before staff confirm. */
  claim(offerText: string): Promise<Claimed> {
    return this.#claim(offerText, false);
  }

  /** Take over a study of yours whose key is lost: the source has checked who you are; takes effect after a delay. */
  reclaim(offerText: string): Promise<Claimed> {
    return this.#claim(offerText, true);
  }

  async #claim(offerText: string, takeOver: boolean): Promise<Claimed> {
    const offer = readOffer(offerText, this.#here());
    const token = toHex(offer.token);
    const begun = this.#record.studies.findIndex(study => study.token === token);
    const number = begun >= 0 ? begun + 1 : await this.#redeem(offer, takeOver);
    const study = this.#study(number);
    const signed = signClaim(study, this.#named(study));
    const { id } = await this.#gatewayOf(study).claim(fromHex(study.token), signed);
    study.claimId = id;
    await this.#save();
    return {
      study: number,
      card: study.card,
      words: claimWords(this.#keyOf(study).publicKey, fromHex(study.studyHash)),
    };
  }

  async #redeem(offer: StudyOffer, takeOver: boolean): Promise<number> {
    const redeemed = await this.#deps.gateway(offer.url).redeem(offer.token);
    checkRedeemed(offer, redeemed, takeOver);
    const index = this.#record.nextIndex;
    const patientKey = publicKeyHex(this.#keyring.studyKey(index).publicKey);
    const owner = redeemed.owner;
    this.#record.nextIndex = index + 1;
    this.#record.studies.push({
      index,
      patientKey,
      sourceKey: publicKeyHex(offer.sourceKey),
      url: offer.url,
      studyHash: toHex(redeemed.studyHash),
      salt: toHex(redeemed.salt),
      studyInstanceUID: redeemed.studyInstanceUID,
      card: redeemed.study,
      token: toHex(offer.token),
      claimId: '',
      previous: takeOver && owner ? { patientKey: publicKeyHex(owner.patientKey), generation: owner.generation } : null,
      grants: [],
      revokedSeq: 0,
      accessReceipts: [],
    });
    await this.#save();
    return this.#record.studies.length;
  }

  /**
   * Allow the requester of a card to retrieve a study, until a time or until revoked. A grant to the same card that
   * was signed and never taken by a node (a crash, no connection) is completed, not made a second time.
   */
  async allow(number: number, cardText: string, p: { notAfter?: number } = {}): Promise<Allowed> {
    const study = this.#study(number);
    const card = readCard(cardText, this.#here());
    await this.#mustBeOwner(number, study);
    const notAfter = p.notAfter ?? 0;
    const names = new Set(card.keys.map(publicKeyHex));
    const begun = study.grants.find(grant => grant.unposted !== '' && !grant.revoked && names.has(grant.requesterKey));
    const grant =
      begun?.notAfter === notAfter && (await this.#post(begun))
        ? begun
        : await this.#grant(study, { card, notAfter, begun });
    return { study: number, label: card.label, words: cardWords(card), transactionId: fromHex(grant.transactionId) };
  }

  /** Sign a grant, keep it, post it. `begun` is replaced: its key goes to the same requester. */
  async #grant(
    study: WalletStudy,
    p: { card: RequesterCard; notAfter: number; begun: WalletGrant | undefined },
  ): Promise<WalletGrant> {
    const { card, notAfter, begun } = p;
    const requesterKey = begun ? parsePublicKey(begun.requesterKey) : freeKey(card, this.#usedKeys());
    const seq = Math.max(await this.#seq(study, requesterKey), (begun?.seq ?? 0) + 1, study.revokedSeq + 1);
    const { transaction, grant } = signGrant(study, this.#named(study), {
      requesterKey,
      label: card.label,
      notAfter,
      seq,
    });
    study.grants = [...study.grants.filter(other => other !== begun), grant];
    await this.#save();
    await this.#deps.node.submit(transaction);
    await this.#setPosted(grant);
    return grant;
  }

  /** Post what was signed before; false when the ledger won't have it any more. */
  async #post(grant: WalletGrant): Promise<boolean> {
    try {
      await this.#deps.node.submit(fromHex(grant.unposted));
    } catch (error) {
      if (error instanceof ClientError && error.code === 'CLIENT_REFUSED') return false;
      throw error;
    }
    await this.#setPosted(grant);
    return true;
  }

  #setPosted(grant: WalletGrant): Promise<void> {
    grant.unposted = '';
    return this.#save();
  }

  /**
   * Take back what was allowed: one grant, or without `requesterKey` everyone's. It goes to the gateway, which stops
   * serving at once, and to the ledger.
   * @returns the source's receipt, or null if the gateway could not be reached (the ledger tells it then)
   */
  async revoke(
    number: number,
    requesterKey: PublicKey | null,
  ): Promise<{ transactionId: Uint8Array; receipt: Uint8Array | null }> {
    const study = this.#study(number);
    const matches = (grant: WalletGrant): boolean =>
      requesterKey === null || grant.requesterKey === publicKeyHex(requesterKey);
    if (!study.grants.some(matches)) {
      throw new ClientError(
        { code: 'CLIENT_NO_GRANT', study: number },
        'this study was not shared with that requester',
      );
    }
    const transaction = createRevokeAccess({
      ...this.#named(study),
      seq: Math.max(await this.#seq(study, requesterKey), ...study.grants.filter(matches).map(grant => grant.seq + 1)),
      requesterKey,
    });
    // Stopping after this leaves no revocation, and grants above one that isn't there.
    study.revokedSeq = Math.max(study.revokedSeq, (transaction.tuple as RevokeAccess).seq);
    await this.#save();
    const [posted, told] = await Promise.allSettled([
      this.#deps.node.submit(transaction),
      this.#gatewayOf(study).revoke(transaction),
    ]);
    if (posted.status === 'rejected' && told.status === 'rejected') throw posted.reason;
    for (const grant of study.grants.filter(matches)) grant.revoked = true;
    await this.#save();
    return { transactionId: transaction.id, receipt: told.status === 'fulfilled' ? told.value.receipt : null };
  }

  /** Veto a reassignment of this study to another key, before it takes effect. */
  async keep(number: number): Promise<{ transactionId: Uint8Array }> {
    const study = this.#study(number);
    const entry = await this.#entryOf(study);
    if (!entry?.pendingOwner) {
      throw new ClientError({ code: 'CLIENT_NO_REASSIGNMENT', study: number }, 'nobody is taking over this study');
    }
    const { chainId, key, sourceKey, studyHash } = this.#named(study);
    const transaction = createKeepStudy({
      chainId,
      key,
      sourceKey,
      studyHash,
      reassignId: entry.reassignId,
    });
    await this.#deps.node.submit(transaction);
    return { transactionId: transaction.id };
  }

  /** Who opened this study: the source's receipts, fetched, checked and kept. @throws ClientError CLIENT_RECEIPT */
  async receipts(number: number): Promise<ListedAccesses> {
    const study = this.#study(number);
    const { chainId, key, sourceKey } = this.#named(study);
    const source = await this.#deps.node.source(sourceKey);
    if (!source) throw new ClientError({ code: 'CLIENT_NOT_FOUND', what: 'source' }, 'the ledger has no such source');
    study.accessReceipts = await fetchReceipts({
      gateway: this.#gatewayOf(study),
      study,
      chainId,
      key,
      standingKey: source.standingKey,
      now: this.#deps.now,
    });
    await this.#save();
    return listAccesses(number, study, chainId);
  }

  /** Every study with how far it came. A source that can't be reached leaves its state "unknown". */
  list(): Promise<ListedStudy[]> {
    return Promise.all(
      this.#record.studies.map(async (study, i) =>
        listedStudy(study, i + 1, { entry: await this.#entryOf(study), gateway: this.#gatewayOf(study) }),
      ),
    );
  }

  /** Wait until the ledger's final state names this wallet's key as owner. @throws ClientError CLIENT_STUDY_NOT_YOURS */
  async waitUntilYours(number: number, p: { timeoutMs: number; everyMs?: number }): Promise<StudyEntry> {
    const study = this.#study(number);
    const everyMs = p.everyMs ?? 250;
    for (let waited = 0; waited <= p.timeoutMs; waited += everyMs) {
      const entry = await this.#entryOf(study);
      if (entry && toHex(entry.owner) === study.patientKey) return entry;
      const state = await studyState(study, { entry, gateway: this.#gatewayOf(study) });
      if (state === 'refused' || state === 'lost') throw notYours(number, state);
      await new Promise(resolve => setTimeout(resolve, everyMs));
    }
    throw notYours(number, 'waiting');
  }

  /** The words that would restore every key; to be written down, not shown to anyone. */
  backup(): { mnemonic: string; device: number } {
    return { ...this.#record.backup };
  }

  async #mustBeOwner(number: number, study: WalletStudy): Promise<void> {
    const entry = await this.#entryOf(study);
    if (!entry || toHex(entry.owner) !== study.patientKey) throw notYours(number, entry ? 'lost' : 'waiting');
  }

  /** The study as the ledger's final state has it: proven, where the nodes are not believed. */
  async #entryOf(study: WalletStudy): Promise<StudyEntry | null> {
    const [sourceKey, studyHash] = [parsePublicKey(study.sourceKey), fromHex(study.studyHash)];
    const light = await this.#light();
    if (!light) {
      const { checkpoint, study: told } = await this.#deps.node.study(sourceKey, studyHash);
      return told && studyAt(told, checkpoint.slot);
    }
    const { answer, final } = await light.ask(node => node.study(sourceKey, studyHash, { proofs: true }));
    return answer.study && provenStudyOf(final, answer.study);
  }

  async #seq(study: WalletStudy, requesterKey: PublicKey | null): Promise<number> {
    const { patientKey, sourceKey, studyHash } = this.#named(study);
    const query: SeqQuery = { sourceKey, studyHash, patientKey, ...(requesterKey ? { requesterKey } : {}) };
    const [status, bound] = await Promise.all([this.#deps.node.status(), this.#deps.node.seqBound(query)]);
    return chooseSeq(status.genesisTimeMs + status.headSlot * status.slotMs, bound - 1);
  }

  #named(study: WalletStudy): NamedStudy {
    const key = this.#keyOf(study);
    return {
      chainId: fromHex(this.#record.chainId),
      key,
      patientKey: key.publicKey,
      sourceKey: parsePublicKey(study.sourceKey),
      studyHash: fromHex(study.studyHash),
    };
  }

  #here(): Here {
    return { chainId: this.#record.chainId, now: this.#deps.now() };
  }

  #usedKeys(): Set<string> {
    return new Set(this.#record.studies.flatMap(study => study.grants.map(grant => grant.requesterKey)));
  }

  #keyOf(study: WalletStudy): SecretKey {
    return this.#keyring.studyKey(study.index);
  }

  #gatewayOf(study: WalletStudy): GatewayApi {
    return this.#deps.gateway(study.url);
  }

  #study(number: number): WalletStudy {
    const study = this.#record.studies[number - 1];
    if (study) return study;
    throw new ClientError({ code: 'CLIENT_STUDY_UNKNOWN', study: number }, `this wallet has no study ${number}`);
  }

  #save(): Promise<void> {
    return this.#deps.store.save(encodeRecord(this.#record));
  }
}
