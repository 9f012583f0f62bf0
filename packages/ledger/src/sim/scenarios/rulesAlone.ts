/** Scenarios at the level of rules: years of epochs need no blocks. Each calls the shipped rule functions. */
import { concatBytes, sha256, toHex, u64be, utf8 } from '@radpass/core';
import { type Consensus, consensus } from '../../consensus/index.js';
import type { StakeEntry } from '../../consensus/leader.js';
import { defaultParams } from '../../consensus/params.js';
import { takeSnapshot } from '../../consensus/stake.js';
import { type StakeInput, type StakeSource, studyWeight } from '../../consensus/stakePolicy.js';
import { Histogram } from '../measures.js';
import { Random } from '../random.js';
import type { RunContext, Scenario, SeedOutcome } from '../scenario.js';
import { keyNamed } from '../traffic.js';

const epochsADay = 24;

function outcomeOf(
  context: RunContext,
  p: { numbers: Record<string, number>; lines: readonly string[]; points?: SeedOutcome['points'] },
): SeedOutcome {
  return {
    seed: context.seed,
    violations: [],
    traceHash: toHex(sha256(utf8(p.lines.join('\n')))),
    trace: p.lines.slice(-100),
    finality: new Histogram(),
    reorganised: new Histogram(),
    numbers: p.numbers,
    points: p.points ?? [],
    shares: [],
  };
}

/** Share of the flooder in per cent after so many days under the capped policy, when nobody else publishes. */
function floodedShares(rules: Consensus, p: { founders: number; faded: boolean; days: number }): number[] {
  const weight = 1_000;
  const studies = 1_000_000;
  const named = (name: string, count: number): StakeSource => {
    const { publicKey } = keyNamed(name);
    return {
      sourceKey: publicKey,
      nodeKey: publicKey,
      count,
      open: true,
      jailedUntilEpoch: 0,
      dormant: false,
      accredited: 0,
      memory: [],
    };
  };
  const names = Array.from({ length: p.founders }, (_, i) => named(`founder ${i}`, p.faded ? weight : 0));
  const founders = names.map(({ sourceKey }) => ({ sourceKey, weight }));
  const standing = names.map(source => ({ ...source, memory: source.count > 0 ? [source.count * studyWeight] : [] }));
  let sources: readonly StakeSource[] = [...standing, named('flooder', studies)];
  let lastTotal = p.founders * weight * studyWeight;
  const shares: number[] = [];
  for (let epoch = 1; epoch <= p.days * epochsADay; epoch++) {
    const input: StakeInput = { epoch, sources, founders, lastTotal, elapsed: 1, params: defaultParams };
    const { table, result } = takeSnapshot(rules.stake.capped, input);
    const flooder = table.entries.find(({ sourceKey }) => sourceKey === sources.at(-1)!.sourceKey)?.weight ?? 0;
    if (epoch % epochsADay === 0) shares.push((100 * flooder) / table.total);
    sources = sources.map((source, i) => ({ ...source, memory: result.memory[i] ?? [] }));
    lastTotal = result.total;
  }
  return shares;
}

/** A million studies that nobody was ever examined for. */
export const flood: Scenario = {
  name: 'flood',
  summary:
    'a source publishes a million fake studies: after 30 days at most 26 % of the stake, 30 % where the founders have not faded',
  defaults: { nodes: 4, offline: 0, share: 0, slots: 30 * epochsADay * 900, latencyMs: 0, slotMs: 4_000 },
  seeds: [1, 1],
  merge: { days: 'max', sharePercentFaded: 'max', sharePercentFounders: 'max' },
  async play(options, context) {
    const days = Math.max(1, Math.floor(options.slots / (epochsADay * defaultParams.slotsPerEpoch)));
    const rules = context.rules ?? consensus;
    const [faded, fading] = [true, false].map(isFaded =>
      floodedShares(rules, { founders: options.nodes, faded: isFaded, days }),
    ) as [number[], number[]];
    const lines = faded.map((share, day) => `day ${day + 1}: ${share.toFixed(3)} ${fading[day]!.toFixed(3)}`);
    return outcomeOf(context, {
      numbers: { days, sharePercentFaded: faded.at(-1)!, sharePercentFounders: fading.at(-1)! },
      lines,
    });
  },
  missed({ numbers }) {
    const { sharePercentFaded = 100, sharePercentFounders = 100 } = numbers;
    return [
      ...(sharePercentFaded > 26 ? [`the flooder has ${sharePercentFaded} %, the goal is 26`] : []),
      ...(sharePercentFounders > 30
        ? [`with fading founders the flooder has ${sharePercentFounders} %, the goal is 30`]
        : []),
    ];
  },
};

/** At most so many last blocks of an epoch are tried with and without; more are rarely led in a row. */
const maxTried = 6;
const slotsPerEpoch = 200;

/** Slots of an epoch that the attackers lead. */
function led(
  rules: Consensus,
  table: readonly StakeEntry[],
  nonce: Uint8Array,
  epoch: number,
  attackers: number,
): boolean[] {
  return Array.from({ length: slotsPerEpoch }, (_, i) => {
    const leader = rules.election.selectLeader(table, nonce, epoch * slotsPerEpoch + i);
    return table.indexOf(leader) < attackers;
  });
}

/** Attackers that lead the last slots of an epoch withhold those blocks whose absence gives them the best later epoch. */
export const grinding: Scenario = {
  name: 'grinding',
  summary:
    'attackers with 30 % withhold last blocks of an epoch to bend the nonce two epochs on: what they lead beyond their share stays below 3 points',
  defaults: { nodes: 20, offline: 0, share: 30, slots: 40 * slotsPerEpoch, latencyMs: 0, slotMs: 4_000 },
  seeds: [1, 25],
  merge: { ledPercent: 'mean', gainPoints: 'mean' },
  async play(options, context) {
    const rules = context.rules ?? consensus;
    const { beacon } = rules;
    const random = new Random(`grinding ${context.seed}`);
    const attackers = Math.floor((options.nodes * options.share) / 100);
    const table: StakeEntry[] = Array.from({ length: options.nodes }, (_, i) => {
      const { publicKey } = keyNamed(`source ${i}`);
      return { sourceKey: publicKey, nodeKey: publicKey, weight: studyWeight };
    });
    const output = (slot: number): Uint8Array => {
      const seed = concatBytes(u64be(random.next()), u64be(slot));
      return concatBytes(sha256(seed), sha256(seed, u64be(1)));
    };
    const epochs = Math.floor(options.slots / slotsPerEpoch);
    let next = sha256(utf8(`next ${context.seed}`));
    let leads = led(rules, table, sha256(utf8(`nonce ${context.seed}`)), 0, attackers);
    let [won, withheld] = [0, 0];
    const lines: string[] = [];
    for (let epoch = 0; epoch < epochs; epoch++) {
      const outputs = leads.map((_, i) => output(epoch * slotsPerEpoch + i));
      const tail = Math.min(maxTried, slotsPerEpoch - 1 - leads.lastIndexOf(false));
      const head = outputs.slice(0, slotsPerEpoch - tail);
      const choices = Array.from({ length: 2 ** tail }, (_, choice) => {
        const shown = outputs.slice(slotsPerEpoch - tail).filter((_o, i) => (choice & (1 << i)) === 0);
        const after = beacon.nextNonce(next, epoch + 2, [...head, ...shown]);
        const ahead = led(rules, table, after, epoch + 2, attackers).filter(Boolean).length;
        return { after, ahead, missing: tail - shown.length };
      });
      const best = choices.reduce((a, b) => (b.ahead - b.missing > a.ahead - a.missing ? b : a));
      withheld += best.missing;
      won += best.ahead;
      lines.push(`epoch ${epoch}: tail ${tail}, ${best.ahead} led, ${best.missing} withheld`);
      leads = led(rules, table, next, epoch + 1, attackers);
      next = best.after;
      context.progress(epoch + 1, epochs);
    }
    const ledPercent = (100 * won) / (epochs * slotsPerEpoch);
    const gainPoints = ledPercent - (100 * attackers) / options.nodes;
    return outcomeOf(context, { numbers: { epochs, withheld, ledPercent, gainPoints }, lines });
  },
  missed: ({ numbers }) =>
    (numbers.gainPoints ?? 0) > 3
      ? [`attackers lead ${numbers.gainPoints} points more than their share, the goal is 3`]
      : [],
};
