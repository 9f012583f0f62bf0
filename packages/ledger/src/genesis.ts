/**
 * Genesis: what a network agrees on before its first block. Its bytes are the canonical array
 *
 *   [formatVersion, genesisTimeMs, …every parameter in the order of paramNames, stakePolicy,
 *    founders [[sourceKey, nodeKey, url, weight] …], payers [key …], checkpointKeys [key …], checkpointThreshold,
 *    studyHashForms [salt length …], allowList [key …]]
 *
 * formatVersion = 1; weight in studies; lists of keys ascending without repetition, founders by sourceKey;
 * studyHashForms holds 32 (salted), 0 (the paper's plain form) or both, ascending; an empty allowList admits every
 * source. chainId = SHA-256("radpass/genesis/1" ‖ 0x00 ‖ bytes). A change of one byte is another network.
 *
 * Block 0 is no message: its id is the chainId, its slot and height 0. Worked bytes: docs/protocol-consensus.md.
 */
import {
  ascii,
  type Canonical,
  CodedError,
  compareBytes,
  constant,
  decodeCanonical,
  domainPrefix,
  encodeAs,
  list,
  map,
  type PublicKey,
  parseUrl,
  publicKey,
  type Schema,
  sha256,
  tuple,
  uint,
} from '@radpass/core';
import { blockLimits } from './block.js';
import { type Params, paramNames } from './consensus/params.js';
import { type StakePolicyName, stakePolicies } from './consensus/stake.js';
import { maxVoters } from './consensus/votes.js';
import { LedgerError } from './errors.js';

export interface Founder {
  readonly sourceKey: PublicKey;
  readonly nodeKey: PublicKey;
  readonly url: string;
  /** In studies. */
  readonly weight: number;
}

export interface GenesisContent {
  readonly genesisTimeMs: number;
  readonly params: Params;
  readonly stakePolicy: StakePolicyName;
  readonly founders: readonly Founder[];
  /** Keys that may accredit sources. */
  readonly payers: readonly PublicKey[];
  /** Keys that sign checkpoints, and how many of them must. */
  readonly checkpointKeys: readonly PublicKey[];
  readonly checkpointThreshold: number;
  /** Admitted salt lengths of study hashes: 0, 32 or both. */
  readonly studyHashForms: readonly number[];
  /** The only sources admitted; empty admits all. */
  readonly allowList: readonly PublicKey[];
}

export interface Genesis extends GenesisContent {
  readonly formatVersion: 1;
  /** 32 bytes */
  readonly chainId: Uint8Array;
  readonly bytes: Uint8Array;
}

/** Longest genesis that is looked at. */
export const maxGenesisBytes = 1024 * 1024;

/** A founder's greatest weight: together with every other's it stays exact in millionths. */
const maxFounderWeight = 1_000_000;
const maxKeys = 4_096;
const prefix = domainPrefix('genesis');

/** Least and greatest value of the parameters that code relies on; the others may be any whole number. */
const bounds: Partial<Record<keyof Params, readonly [number, number]>> = {
  slotMs: [100, 3_600_000],
  slotsPerEpoch: [1, 1_000_000],
  seats: [1, maxVoters],
  eraEpochs: [1, Number.MAX_SAFE_INTEGER],
  maxCertificates: [1, blockLimits.certificates],
  stampBits: [0, 64],
  maxTransactionBytes: [4_096, blockLimits.transactionBytes],
  maxVoteBytes: [4_096, blockLimits.voteBytes],
  maxEvidenceBytes: [0, blockLimits.evidenceBytes],
  maxEvidence: [0, blockLimits.evidence],
  voteWindowSlots: [1, 4_096],
  growthMillionths: [0, 1_000_000],
  growthEpochs: [1, 1_000_000],
};

function refuse(reason: string, cause?: unknown): never {
  throw new LedgerError({ code: 'LEDGER_GENESIS', reason }, `no genesis: ${reason}`, { cause });
}

const keyList = list(publicKey(), maxKeys);

const founder = map<[PublicKey, PublicKey, string, number], Founder>(
  tuple(publicKey(), publicKey(), ascii(256), uint(maxFounderWeight)),
  ([sourceKey, nodeKey, url, weight]) => ({ sourceKey, nodeKey, url, weight }),
  f => [f.sourceKey, f.nodeKey, f.url, f.weight],
);

const head = tuple<[1, number]>(constant(1), uint());
const values = list(uint(), paramNames.length, paramNames.length);
type Rest = [string, Founder[], PublicKey[], PublicKey[], number, number[], PublicKey[]];
const rest = tuple<Rest>(
  ascii(32),
  list(founder, maxVoters, 1),
  keyList,
  keyList,
  uint(maxKeys),
  list(uint(32), 2, 1),
  keyList,
);

function isPolicy(name: string): name is StakePolicyName {
  return Object.hasOwn(stakePolicies, name);
}

/** One flat array, read in three stretches. */
const genesisSchema: Schema<GenesisContent> = {
  read(value, at) {
    const elements: readonly Canonical[] = Array.isArray(value) ? value : [];
    const end = 2 + paramNames.length;
    const [, genesisTimeMs] = head.read(elements.slice(0, 2), `${at}head`);
    const numbers = values.read(elements.slice(2, end), `${at}parameters`);
    const params = Object.fromEntries(paramNames.map((name, i) => [name, numbers[i]])) as Record<keyof Params, number>;
    const [stakePolicy, founders, payers, checkpointKeys, checkpointThreshold, studyHashForms, allowList] = rest.read(
      elements.slice(end),
      `${at}rest`,
    );
    if (!isPolicy(stakePolicy)) return refuse(`unknown stake policy ${stakePolicy}`);
    return {
      genesisTimeMs,
      params,
      stakePolicy,
      founders,
      payers,
      checkpointKeys,
      checkpointThreshold,
      studyHashForms,
      allowList,
    };
  },
  write: g => [
    1,
    g.genesisTimeMs,
    ...paramNames.map(name => g.params[name]),
    g.stakePolicy,
    g.founders.map(item => founder.write(item)),
    [...g.payers],
    [...g.checkpointKeys],
    g.checkpointThreshold,
    [...g.studyHashForms],
    [...g.allowList],
  ],
};

function ascending(keys: readonly Uint8Array[]): boolean {
  return keys.every((key, i) => i === 0 || compareBytes(keys[i - 1]!, key) < 0);
}

/** The rules that the schema doesn't hold. */
function checkContent(content: GenesisContent): void {
  for (const name of paramNames) {
    const [least, greatest] = bounds[name] ?? [0, Number.MAX_SAFE_INTEGER];
    const value = content.params[name];
    if (value < least || value > greatest) refuse(`${name} must be ${least} to ${greatest}, got ${value}`);
  }
  const { founders } = content;
  if (founders.reduce((sum, { weight }) => sum + weight, 0) === 0) refuse('the founders have no weight in total');
  if (!ascending(founders.map(({ sourceKey }) => sourceKey)))
    refuse('founders are not in ascending order of sourceKey');
  if (!ascending(founders.map(({ nodeKey }) => nodeKey).sort(compareBytes))) refuse('two founders share a nodeKey');
  for (const { url } of founders) {
    try {
      if (parseUrl(url) === '') refuse('a founder has no url');
    } catch (cause) {
      if (!(cause instanceof CodedError) || cause instanceof LedgerError) throw cause;
      refuse(`a founder's url: ${cause.message}`, cause);
    }
  }
  for (const name of ['payers', 'checkpointKeys', 'allowList'] as const) {
    if (!ascending(content[name])) refuse(`${name} are not in ascending order without repetition`);
  }
  const { checkpointKeys, checkpointThreshold: threshold } = content;
  if (threshold > checkpointKeys.length || (threshold === 0) !== (checkpointKeys.length === 0)) {
    refuse(`a threshold of ${threshold} does not fit ${checkpointKeys.length} checkpoint keys`);
  }
  const forms = content.studyHashForms;
  if (forms.length === 0 || ![[0], [32], [0, 32]].some(allowed => allowed.join() === forms.join())) {
    refuse('studyHashForms must be 0, 32 or both, ascending');
  }
}

/** The bytes' SHA-256 with its prefix; 32 bytes. */
export function chainIdOf(genesisBytes: Uint8Array): Uint8Array {
  return sha256(prefix, genesisBytes);
}

/**
 * Make a genesis; lists are put in order.
 * @throws LedgerError LEDGER_GENESIS for contents that no network can have
 */
export function createGenesis(content: GenesisContent): Genesis {
  const bySourceKey = [...content.founders].sort((a, b) => compareBytes(a.sourceKey, b.sourceKey));
  const sorted = (keys: readonly PublicKey[]) => [...keys].sort(compareBytes);
  const ordered: GenesisContent = {
    ...content,
    founders: bySourceKey,
    payers: sorted(content.payers),
    checkpointKeys: sorted(content.checkpointKeys),
    studyHashForms: [...content.studyHashForms].sort((a, b) => a - b),
    allowList: sorted(content.allowList),
  };
  return parseGenesis(encodeAs(genesisSchema, ordered));
}

/**
 * A genesis from received bytes.
 * @throws LedgerError LEDGER_GENESIS
 */
export function parseGenesis(received: Uint8Array): Genesis {
  let content: GenesisContent;
  try {
    content = decodeCanonical(received, genesisSchema, maxGenesisBytes);
  } catch (cause) {
    if (!(cause instanceof CodedError) || cause instanceof LedgerError) throw cause;
    return refuse(cause.message, cause);
  }
  checkContent(content);
  const bytes = new Uint8Array(received);
  return { formatVersion: 1, ...content, chainId: chainIdOf(bytes), bytes };
}
