/** What goes into the engine, and what it asks for in return; see engine.ts. */
import type { CodedError, PublicKey } from '@radpass/core';
import type { Body, Header } from './block.js';
import type { StakeEntry } from './consensus/leader.js';
import type { Vote, VoteMessage } from './consensus/votes.js';
import type { ChainEvent } from './events.js';
import type { Verdict } from './intake.js';
import type { StoreWrite } from './store.js';

export type Input =
  | { kind: 'tick'; nowMs: number }
  | { kind: 'blocks'; nowMs: number; blocks: readonly Uint8Array[]; from: 'gossip' | 'sync' | 'self' }
  | { kind: 'evidence'; nowMs: number; bytes: Uint8Array }
  | { kind: 'votes'; nowMs: number; received: readonly Uint8Array[] } // and certificates
  | { kind: 'transactions'; nowMs: number; received: readonly { bytes: Uint8Array; own: boolean }[] } // one verdict each
  | { kind: 'proved'; nowMs: number; slot: number; leader: StakeEntry; proof: Uint8Array }
  | { kind: 'block signed'; nowMs: number; header: Header; body: Body; signature: Uint8Array }
  | { kind: 'vote signed'; nowMs: number; vote: Vote };

export type Effect =
  | { kind: 'persist'; writes: readonly StoreWrite[] }
  | { kind: 'verdict'; verdict: Verdict; known: boolean; error?: CodedError; added: number }
  | { kind: 'votes judged'; verdicts: readonly Verdict[] }
  | { kind: 'event'; event: ChainEvent }
  | { kind: 'broadcast'; topic: 'block' | 'vote' | 'transaction'; bytes: Uint8Array }
  | { kind: 'sync' } // a parent is unknown: ask peers
  | { kind: 'later'; atMs: number } // the same input again at this time
  | { kind: 'prove'; slot: number; leader: StakeEntry; alpha: Uint8Array }
  | { kind: 'sign block'; header: Header; body: Body; id: Uint8Array; nodeKey: PublicKey }
  | { kind: 'sign vote'; message: VoteMessage; voter: number; nodeKey: PublicKey; eraDepth: number }
  | { kind: 'seen'; nodeKey: PublicKey; what: 'block' | 'vote'; slot: number } // a signature of an own key
  | { kind: 'timer'; atMs: number };
