/**
 * The requester's side of Figure 3: cards with fresh keys for patients to allow, and what has been allowed so far.
 * A fresh key for each grant, so that the ledger doesn't show which grants went to one doctor; found again by prefix,
 * so that the node doesn't learn which keys are whose.
 */
import {
  cardWords,
  createRequesterCard,
  encodeRequesterCard,
  equalBytes,
  fromHex,
  type PublicKey,
  publicKeyHex,
  SecretKey,
  toHex,
} from '@radpass/core';
import { ClientError } from './errors.js';
import { type LightNodes, lightOfRecord, type OpenLight, provenGrantOf, provenSourceOf } from './lightNodes.js';
import { askNarrowing } from './narrowing.js';
import { type NodeApi, orNull } from './nodeApi.js';
import type { GrantEntry, SourceEntry } from './nodeSchemas.js';
import { encodeRecord, parseRecord, type RecordStore } from './walletRecord.js';
import { z } from './zod.js';

const keysPerCard = 8;
const cardLifetimeMs = 30 * 24 * 3_600_000;

const inboxRecord = z.object({
  version: z.literal(1),
  chainId: z.string(),
  /** Every key ever put on a card, with the card's label; seeds are secret. */
  keys: z.array(z.object({ seed: z.string(), requesterKey: z.string(), label: z.string() })),
  /** Grants by their numbers: the first was the first that this inbox ever saw. */
  seen: z.array(
    z.object({
      requesterKey: z.string(),
      sourceKey: z.string(),
      studyHash: z.string(),
      patientKey: z.string(),
    }),
  ),
  /** What a retrieval left behind, by requester key and study hash. */
  retrieved: z.array(
    z.object({ requesterKey: z.string(), studyHash: z.string(), sha256: z.string(), time: z.number() }),
  ),
  /** The paper: "associate any received images for K_P with the correct local medical record number". */
  recordNumbers: z.record(z.string(), z.string()),
  /** The light client's state: who can change it can make this inbox believe anything about the ledger. */
  light: z.string().optional(),
});
type InboxRecord = z.output<typeof inboxRecord>;

export interface InboxGrant {
  /** The grant's number in this inbox, from 1, in the order in which they were first seen; it never changes its meaning. */
  grant: number;
  label: string;
  patientKey: PublicKey;
  requesterKey: PublicKey;
  sourceKey: PublicKey;
  studyHash: Uint8Array;
  notAfter: number;
  state: 'allowed' | 'revoked' | 'expired';
  /** The directory's entry of the source that holds the images; null if it is closed or gone. */
  source: SourceEntry | null;
  retrieved: boolean;
  recordNumber: string | null;
}

export interface InboxDeps {
  store: RecordStore;
  node: NodeApi;
  /** What checks the nodes' word on grants and sources; without it they are believed. */
  light?: OpenLight;
  /** Unix ms. */
  now: () => number;
}

export class Inbox {
  readonly #deps: InboxDeps;
  readonly #record: InboxRecord;
  readonly #light: () => Promise<LightNodes | null>;

  private constructor(deps: InboxDeps, record: InboxRecord) {
    this.#deps = deps;
    this.#record = record;
    this.#light = lightOfRecord(deps.light, record, () => {
      const { light } = record;
      return this.#save(merged => {
        merged.light = light;
      });
    });
  }

  /** Open the inbox in the store, or make one for the node's network. @throws ClientError CLIENT_RECORD_DAMAGED */
  static async open(deps: InboxDeps): Promise<Inbox> {
    const bytes = await deps.store.load();
    if (bytes) return new Inbox(deps, parseRecord(bytes, inboxRecord));
    const { chainId } = await deps.node.status();
    const inbox = new Inbox(deps, {
      version: 1,
      chainId: toHex(chainId),
      keys: [],
      seen: [],
      retrieved: [],
      recordNumbers: {},
    });
    await inbox.#save();
    return inbox;
  }

  /** A card with 8 unused keys. They are on disk before the card is shown. Compare the words with the patient's screen. */
  async card(label: string): Promise<{ card: string; words: string[]; expires: number }> {
    const keys = Array.from({ length: keysPerCard }, () => SecretKey.generate());
    const expires = this.#deps.now() + cardLifetimeMs;
    const card = createRequesterCard({
      chainId: fromHex(this.#record.chainId),
      label,
      keys: keys.map(key => key.publicKey),
      expires,
      key: keys[0]!,
    });
    for (const key of keys) {
      this.#record.keys.push({ seed: toHex(key.exportSeed()), requesterKey: publicKeyHex(key.publicKey), label });
    }
    await this.#save();
    return { card: encodeRequesterCard(card), words: cardWords(card), expires };
  }

  /** Everything that patients' grants to these keys say at the newest final block, by number. */
  async grants(): Promise<InboxGrant[]> {
    const known = this.#record.seen.length;
    const sources = new Map<string, Promise<SourceEntry | null>>();
    const found: { entry: GrantEntry; label: string; source: SourceEntry | null }[] = [];
    for (const { requesterKey, label } of this.#record.keys) {
      for (const entry of await this.#grantsTo(requesterKey)) {
        const name = toHex(entry.sourceKey);
        const asked = sources.get(name) ?? this.#source(entry.sourceKey);
        sources.set(name, asked);
        const source = await asked;
        this.#numberOf(entry);
        found.push({ entry, label, source: source?.url ? source : null });
      }
    }
    // A number is told once it is on disk: another program may have given it to another grant meanwhile.
    if (this.#record.seen.length > known) await this.#save();
    const grants = found.map(({ entry, ...rest }) => this.#listed(entry, { number: this.#numberOf(entry), ...rest }));
    return grants.sort((a, b) => a.grant - b.grant);
  }

  /**
   * The grant of one study to one of these keys: one that stands, if there is one; null without any. Asks with the
   * study's prefix.
   */
  async grantOf(sourceKey: PublicKey, studyHash: Uint8Array): Promise<InboxGrant | null> {
    const [directory, grants] = await Promise.all([
      this.#source(sourceKey),
      this.#entries((node, p) => node.grantsOfStudy(sourceKey, studyHash, [], p)),
    ]);
    const source = directory !== null && directory.url !== '' ? directory : null;
    const labels = new Map(this.#record.keys.map(({ requesterKey, label }) => [requesterKey, label]));
    const found = grants.flatMap(entry => {
      const label = labels.get(toHex(entry.requesterKey));
      const isThis = equalBytes(entry.sourceKey, sourceKey) && equalBytes(entry.studyHash, studyHash);
      return isThis && label !== undefined ? [{ entry, label }] : [];
    });
    const known = this.#record.seen.length;
    for (const { entry } of found) this.#numberOf(entry);
    if (this.#record.seen.length > known) await this.#save();
    const own = found.map(({ entry, label }) => this.#listed(entry, { number: this.#numberOf(entry), label, source }));
    return own.find(({ state }) => state === 'allowed') ?? own[0] ?? null;
  }

  async #grantsTo(requesterKey: string): Promise<GrantEntry[]> {
    const entries = await this.#entries((node, p) =>
      askNarrowing(requesterKey, requesterPrefix => node.grants({ requesterPrefix }, p)),
    );
    return entries.filter(grant => toHex(grant.requesterKey) === requesterKey);
  }

  /** Consent entries: proven, where the nodes are not believed. A node may know of later revocations than are final. */
  async #entries(ask: (node: NodeApi, p: { proofs: boolean }) => ReturnType<NodeApi['grants']>): Promise<GrantEntry[]> {
    const light = await this.#light();
    if (!light) return (await ask(this.#deps.node, { proofs: false })).grants;
    const { answer, final } = await light.ask(node => ask(node, { proofs: true }));
    return answer.grants.flatMap(entry => {
      const { study, entry: proven, floorSeq } = provenGrantOf(final, entry);
      if (!proven) return [];
      // A former owner's word counts for nothing any more.
      const isOwners = study !== null && equalBytes(study.owner, entry.patientKey);
      return [{ ...entry, ...proven, floorSeq: isOwners ? floorSeq : Math.max(floorSeq, proven.seq) }];
    });
  }

  /** A source of the directory; null where no node knows it. */
  async #source(sourceKey: PublicKey): Promise<SourceEntry | null> {
    const light = await this.#light();
    if (!light) return this.#deps.node.source(sourceKey);
    const what = `source ${publicKeyHex(sourceKey)}`;
    const asked = light.ask(async node => {
      const found = await node.sourceAt(sourceKey, { proofs: true });
      if (!found) throw new ClientError({ code: 'CLIENT_NOT_FOUND', what }, `there is no ${what}`);
      return found;
    });
    const found = await orNull(asked);
    return found && provenSourceOf(found.final, found.answer.source);
  }

  #numberOf(entry: GrantEntry): number {
    const names = {
      requesterKey: toHex(entry.requesterKey),
      sourceKey: toHex(entry.sourceKey),
      studyHash: toHex(entry.studyHash),
      patientKey: toHex(entry.patientKey),
    };
    const { seen } = this.#record;
    const name = JSON.stringify(names);
    const at = seen.findIndex(one => JSON.stringify(one) === name);
    return at >= 0 ? at + 1 : seen.push(names);
  }

  #listed(entry: GrantEntry, p: { number: number; label: string; source: SourceEntry | null }): InboxGrant {
    const { patientKey, requesterKey, sourceKey, studyHash, notAfter } = entry;
    const revoked = entry.type === 4 || entry.seq <= entry.floorSeq || entry.revokedSeq >= entry.seq;
    const expired = notAfter !== 0 && this.#deps.now() > notAfter;
    return {
      grant: p.number,
      label: p.label,
      patientKey,
      requesterKey,
      sourceKey,
      studyHash,
      notAfter,
      state: revoked ? 'revoked' : expired ? 'expired' : 'allowed',
      source: p.source,
      retrieved: this.#record.retrieved.some(
        item => item.requesterKey === toHex(requesterKey) && item.studyHash === toHex(studyHash),
      ),
      recordNumber: this.#record.recordNumbers[toHex(patientKey)] ?? null,
    };
  }

  /** One grant by its number. @throws ClientError CLIENT_GRANT_UNKNOWN */
  async grant(number: number): Promise<InboxGrant> {
    const grant = (await this.grants()).find(one => one.grant === number);
    if (grant) return grant;
    throw new ClientError({ code: 'CLIENT_GRANT_UNKNOWN', grant: number }, `the inbox has no grant ${number}`);
  }

  /** The secret key that a grant was made to. @throws ClientError CLIENT_GRANT_UNKNOWN */
  keyOf(grant: InboxGrant): SecretKey {
    const name = publicKeyHex(grant.requesterKey);
    const key = this.#record.keys.find(({ requesterKey }) => requesterKey === name);
    if (key) return SecretKey.fromSeed(fromHex(key.seed), 'requester');
    throw new ClientError({ code: 'CLIENT_GRANT_UNKNOWN', grant: grant.grant }, 'this inbox has no key for that grant');
  }

  async markRetrieved(grant: InboxGrant, sha256: Uint8Array): Promise<void> {
    this.#record.retrieved.push({
      requesterKey: publicKeyHex(grant.requesterKey),
      studyHash: toHex(grant.studyHash),
      sha256: toHex(sha256),
      time: this.#deps.now(),
    });
    await this.#save();
  }

  /** Remember whose patient key this is in the local records. It stays on this machine. */
  async setRecordNumber(patientKey: PublicKey, recordNumber: string): Promise<void> {
    await this.#save(merged => {
      merged.recordNumbers[publicKeyHex(patientKey)] = recordNumber;
    });
  }

  /**
   * Save what was added here and what other programs saved meanwhile, then `change`, as one record.
   * A retrieval that takes minutes must not take back the keys of a card that was made in between.
   */
  #save(change: (merged: InboxRecord) => void = () => undefined): Promise<void> {
    const { store } = this.#deps;
    const work = async (): Promise<void> => {
      const bytes = await store.load();
      if (bytes) Object.assign(this.#record, mergeInbox(parseRecord(bytes, inboxRecord), this.#record));
      change(this.#record);
      await store.save(encodeRecord(this.#record));
    };
    return store.exclusive ? store.exclusive(work) : work();
  }
}

/** What is on disk with what was added to the lists since: what only grows is united, the rest is as it was saved last. */
function mergeInbox(stored: InboxRecord, own: InboxRecord): InboxRecord {
  return {
    ...stored,
    keys: united(stored.keys, own.keys),
    seen: united(stored.seen, own.seen),
    retrieved: united(stored.retrieved, own.retrieved),
  };
}

function united<T>(stored: readonly T[], own: readonly T[]): T[] {
  const known = new Set(stored.map(entry => JSON.stringify(entry)));
  return [...stored, ...own.filter(entry => !known.has(JSON.stringify(entry)))];
}
