/** The ledger as a gateway sees it, in process: core's AccessView over the final state and the sticky revocations. */
import type { AccessEvent, AccessFacts, AccessView, PublicKey } from '@radpass/core';
import { encodeAs } from '@radpass/core';
import type { Branches } from './branches.js';
import { type Consensus, consensus } from './consensus/index.js';
import { voteSetSchema } from './consensus/votes.js';
import type { Delivered, EventLog } from './events.js';
import { decisionKeys, type FinalView } from './finalView.js';
import type { Genesis } from './genesis.js';
import type { FinalRecord } from './records.js';
import type { Revocations } from './revocations.js';
import type { LedgerStore } from './store.js';
import { consentTable, effectiveStudy, floorTable, grantType, sourceTable, studyTable } from './tables.js';

/** Silence longer than this would look like a dead stream. */
const heartbeatMs = 2_000;

export interface AccessViewInit {
  readonly store: LedgerStore;
  readonly genesis: Genesis;
  readonly branches: Branches;
  readonly view: FinalView;
  readonly revocations: Revocations;
  readonly events: EventLog;
  readonly setTimeout: (run: () => void, ms: number) => () => void;
  readonly rules?: Consensus | undefined;
}

export function createAccessView(p: AccessViewInit): AccessView {
  return {
    facts: async (sourceKey, studyHash, requesterKey) => factsOf(p, sourceKey, studyHash, requesterKey),
    watch: (cursor, onEvent) => watch(p, cursor, onEvent),
  };
}

function factsOf(p: AccessViewInit, sourceKey: PublicKey, studyHash: Uint8Array, requesterKey: PublicKey): AccessFacts {
  const { store, view, genesis, revocations } = p;
  return view.at((checkpoint, final) => {
    const source = sourceTable.get(store, sourceKey);
    const leaf = studyTable.get(store, sourceKey, studyHash);
    const study = leaf ? effectiveStudy(leaf, checkpoint.slot) : null;
    const owner = study?.owner ?? null;
    const entry = owner ? consentTable.get(store, sourceKey, studyHash, owner, requesterKey) : undefined;
    const floor = owner ? floorTable.get(store, sourceKey, studyHash, owner) : undefined;
    const revoked = entry && entry.type !== grantType ? entry.seq : 0;
    const seen = owner ? revocations.greatest({ sourceKey, studyHash, patientKey: owner, requesterKey }) : 0;
    const keys = decisionKeys({ sourceKey, studyHash, patientKey: owner, requesterKey });
    return {
      chainId: genesis.chainId,
      checkpoint: { slot: checkpoint.slot, blockId: checkpoint.blockId, timeMs: checkpoint.timeMs },
      source: source ? { standingKey: source.standingKey, url: source.url, seq: source.seq } : null,
      study: study && {
        owner: study.owner,
        ownerSinceSlot: study.ownerSinceSlot,
        generation: study.generation,
        withdrawn: study.withdrawn,
      },
      grant:
        entry?.type === grantType
          ? { seq: entry.seq, notAfter: entry.notAfter, receiptHash: entry.receiptHash, contentId: entry.contentId }
          : null,
      revokedSeq: Math.max(revoked, floor?.seq ?? 0, seen),
      proof: view.evidence({ final, certificate: certificateOf(p, final), keys }),
    };
  });
}

/** The certificate that made a checkpoint final, if it is still at hand; canonical bytes or none. */
function certificateOf({ branches, rules = consensus }: AccessViewInit, final: FinalRecord): Uint8Array {
  const { finalizes } = rules.finality;
  const found = branches.certificates.find(({ message }) => finalizes(message) && message.sourceSlot === final.slot);
  return found ? encodeAs(voteSetSchema, found) : new Uint8Array(0);
}

function accessEvent(event: Delivered): AccessEvent | null {
  const { cursor } = event;
  switch (event.kind) {
    case 'final':
      return { cursor, kind: 'final', slot: event.slot, timeMs: event.timeMs };
    case 'revocation':
      return { cursor, kind: 'revocation', transaction: event.transaction };
    case 'change':
    case 'reset':
      return { cursor, kind: 'change' };
    default:
      return null;
  }
}

function watch(p: AccessViewInit, cursor: number, onEvent: (event: AccessEvent) => void): () => void {
  let last = cursor;
  const stop = p.events.follow(cursor, event => {
    const told = accessEvent(event);
    last = event.cursor;
    if (told) onEvent(told);
  });
  let cancel = (): void => undefined;
  const beat = (): void => {
    onEvent({ cursor: last, kind: 'heartbeat' });
    cancel = p.setTimeout(beat, heartbeatMs);
  };
  beat();
  return () => {
    stop();
    cancel();
  };
}
