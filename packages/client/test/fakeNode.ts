/** A node's HTTP API over values that a test sets: what NodeApi would get from a real one. */
import { type PublicKey, SecretKey, toHex } from '@radpass/core';
import type { Fetch } from '../dist/index.js';

export const chainId = new Uint8Array(32).fill(7);
export const keyOf = (n: number): SecretKey => SecretKey.fromSeed(new Uint8Array(32).fill(n));

interface Study {
  sourceKey: PublicKey;
  studyHash: Uint8Array;
  owner: PublicKey;
  pendingOwner?: PublicKey;
  effectSlot?: number;
  withdrawn?: boolean;
}
interface Grant {
  sourceKey: PublicKey;
  studyHash: Uint8Array;
  patientKey: PublicKey;
  requesterKey: PublicKey;
  type?: 3 | 4;
  seq: number;
  notAfter?: number;
  floorSeq?: number;
  revokedSeq?: number;
}

export class FakeNode {
  slot = 100;
  genesisTimeMs = 1_700_000_000_000;
  studies: Study[] = [];
  grants: Grant[] = [];
  revocations: {
    sourceKey: PublicKey;
    studyHash: Uint8Array;
    patientKey: PublicKey;
    requesterKey: PublicKey | null;
    seq: number;
  }[] = [];
  /** Undefined: of an earlier release, which doesn't say. */
  revocationsSeen: number | undefined;
  upgradeTo: number | undefined;
  sources: { sourceKey: PublicKey; url: string }[] = [];
  submitted: Uint8Array[] = [];
  bound = 0;
  down = false;
  /** A node that takes the question and never answers. */
  silent = false;
  /** Prefixes shorter than this (hex digits) find too many answers. */
  crowdedBelow = 0;
  /** Called before each answer: a test moves the state between two reads with it. */
  onAsk: (path: string) => void = () => undefined;
  refusal: { status: number; body: object } | null = null;

  readonly fetch: Fetch = async (url, init) => {
    if (this.down) throw new Error('connect ECONNREFUSED');
    const { pathname, searchParams } = new URL(url);
    this.onAsk(pathname);
    if (this.silent) return new Promise(() => undefined);
    const prefix = searchParams.get('hashPrefix') ?? searchParams.get('requesterPrefix');
    if (prefix !== null && prefix.length < this.crowdedBelow)
      return answer(400, { error: { code: 'LEDGER_PREFIX_TOO_SHORT', message: 'more', detail: { limit: 64 } } });
    if (this.refusal && init?.method === 'POST') return answer(this.refusal.status, this.refusal.body);
    if (init?.method === 'POST') {
      this.submitted.push(init.body as Uint8Array);
      return answer(202, { id: '00'.repeat(32), known: false });
    }
    const body = this.#body(pathname, searchParams);
    return body ? answer(200, body) : answer(404, { error: { code: 'NODE_NOT_FOUND', message: 'no', detail: {} } });
  };

  #body(path: string, query: URLSearchParams): object | null {
    const { checkpoint } = this;
    if (path === '/status') return this.#status();
    if (path === '/v1/sources') return { checkpoint, sources: this.sources.map(entry => this.#source(entry)) };
    if (path.startsWith('/v1/sources/')) {
      const found = this.sources.find(entry => path.endsWith(toHex(entry.sourceKey)));
      return found ? { checkpoint, source: this.#source(found) } : null;
    }
    const starts = (parts: Uint8Array[], name: string): boolean =>
      query.has(name) &&
      parts
        .map(toHex)
        .join('')
        .startsWith(query.get(name) ?? '');
    if (path === '/v1/studies') {
      const studies = this.studies.filter(
        study => starts([study.studyHash, study.sourceKey], 'hashPrefix') || starts([study.owner], 'patientPrefix'),
      );
      return { checkpoint, studies: studies.map(studyBody) };
    }
    if (path === '/v1/grants') {
      const grants = this.grants.filter(
        grant =>
          starts([grant.studyHash, grant.sourceKey, grant.patientKey, grant.requesterKey], 'hashPrefix') ||
          starts([grant.requesterKey], 'requesterPrefix'),
      );
      const revocations = this.revocations.map(item => ({
        ...hexed(item),
        requesterKey: item.requesterKey && toHex(item.requesterKey),
      }));
      return { checkpoint, grants: grants.map(grantBody), revocations };
    }
    if (path === '/v1/proof') return { checkpoint, value: 'aa', proof: 'bb' };
    if (path === '/v1/seq') return { bound: this.bound };
    return null;
  }

  get checkpoint(): object {
    const timeMs = this.genesisTimeMs + this.slot * 4000;
    return { slot: this.slot, blockId: this.slot.toString(16).padStart(64, '0'), timeMs, stateRoot: '22'.repeat(32) };
  }

  #status(): object {
    const id = this.slot.toString(16).padStart(64, '0');
    return {
      chainId: toHex(chainId),
      ...{
        height: 5,
        headSlot: this.slot,
        headId: id,
        finalHeight: 4,
        finalSlot: this.slot,
        finalId: id,
        finalAgeMs: 0,
      },
      ...{ stateRoot: id, justifiedSlot: this.slot, peers: 0, mempool: 0, sources: 1, studies: 1, producing: true },
      ...{ version: '0', signatureBackend: 'noble', unsafeFlags: [], genesisTimeMs: this.genesisTimeMs, slotMs: 4000 },
      ...{ revocationsSeen: this.revocationsSeen, upgradeTo: this.upgradeTo },
    };
  }

  #source(entry: { sourceKey: PublicKey; url: string }): object {
    const key = toHex(entry.sourceKey);
    return {
      sourceKey: key,
      standingKey: key,
      nodeKey: key,
      url: entry.url,
      seq: 1,
      tlsPins: [],
      nextKeyHash: '',
      studyCount: 1,
    };
  }
}

function studyBody(study: Study): object {
  const { pendingOwner, effectSlot = 0, withdrawn = false } = study;
  const rest = { ownerSinceSlot: 1, generation: 0, withdrawn, effectSlot, reassignId: '' };
  return {
    ...rest,
    ...hexed({ sourceKey: study.sourceKey, studyHash: study.studyHash, owner: study.owner }),
    pendingOwner: pendingOwner ? toHex(pendingOwner) : null,
  };
}

function grantBody(grant: Grant): object {
  const { type = 3, seq, notAfter = 0, floorSeq = 0, revokedSeq = 0, ...keys } = grant;
  return { ...hexed(keys), type, seq, notAfter, floorSeq, revokedSeq, receiptHash: '', contentId: '33'.repeat(32) };
}

function hexed(value: object): object {
  return JSON.parse(JSON.stringify(value, (_name, item) => (item instanceof Uint8Array ? toHex(item) : item)));
}

export function answer(status: number, body: object): Awaited<ReturnType<Fetch>> {
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  return { status, headers: { get: () => null }, arrayBuffer: async () => bytes.slice().buffer };
}
