/** Weights of sources, as docs/consensus.md has them under "Stake": the policies that a genesis can name. */

/** A source as the chain left it; keys in hex. */
export interface Source {
  readonly key: string;
  readonly node: string;
  readonly open: boolean;
  count: number;
  /** Capped weight at the last snapshot. */
  capped: number;
  /** Duties missed since the last sign, and epochs with duties since. */
  missed: number;
  epochs: number;
  jailedUntil: number;
}

export interface Founder {
  readonly key: string;
  /** In studies. */
  readonly weight: number;
}

export interface StakeTerms {
  readonly policy: string;
  readonly founders: readonly Founder[];
  readonly lastTotal: number;
  readonly elapsed: number;
  /** growthMillionths and growthEpochs. */
  readonly growth: number;
  readonly over: number;
  /** Studies of a source that payers vouch for now. */
  readonly vouched: (key: string) => number;
}

const million = 1_000_000;
const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0);
const share = (part: number, of: bigint, whole: bigint): number => Number((BigInt(part) * of) / whole);

/** Growth of all weights together by a part of the last total; remembers the capped weights. */
function capped(sources: readonly Source[], wanted: readonly number[], p: StakeTerms): number[] {
  const growth = BigInt(p.lastTotal) * BigInt(p.growth) * BigInt(Math.min(p.elapsed, p.over));
  const allowance = growth / (BigInt(million) * BigInt(p.over));
  const standing = wanted.map((weight, i) => Math.min(weight, sources[i]!.capped));
  const wants = wanted.map((weight, i) => weight - standing[i]!);
  const all = BigInt(sum(wants));
  const weights =
    all <= allowance ? [...wanted] : standing.map((weight, i) => weight + share(wants[i]!, allowance, all));
  weights.forEach((weight, i) => {
    sources[i]!.capped = weight;
  });
  return weights;
}

/** Weights in millionths of a study before filters, and their total. */
export function stakeWeights(sources: readonly Source[], p: StakeTerms): { weights: number[]; total: number } {
  const counted = sources.map(
    ({ key, count }) => million * (p.policy === 'accredited' ? Math.min(count, p.vouched(key)) : count),
  );
  const studies = p.policy === 'open' ? counted : capped(sources, counted, p);
  const all = BigInt(sum(p.founders.map(({ weight }) => weight * million)));
  const left = all - BigInt(sum(studies));
  const notional = new Map(p.founders.map(({ key, weight }) => [key, weight * million]));
  const weights =
    left <= 0n ? studies : studies.map((weight, i) => weight + share(notional.get(sources[i]!.key) ?? 0, left, all));
  return { weights, total: sum(weights) };
}
