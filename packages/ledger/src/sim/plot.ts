/** A run as a picture: three charts in one SVG, drawn by hand so that no library is needed. */
import type { Report } from './run.js';
import type { SeedOutcome } from './scenario.js';

const width = 720;
const chartHeight = 200;
/** Drawn at most. */
const maxPoints = 4_000;
const margin = { left: 64, right: 16, top: 36, bottom: 40 };
const inner = { width: width - margin.left - margin.right, height: chartHeight - margin.top - margin.bottom };

/** From 0 to `max`, with a mark at each multiple of `step`. */
interface Axis {
  readonly label: string;
  readonly step: number;
  readonly max: number;
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const rounded = (value: number): string => value.toFixed(1);
const highest = (values: readonly number[], least: number): number =>
  values.reduce((max, value) => Math.max(max, value), least);

/** An axis up to the first mark that is not below `value`: at most five steps of 1, 2 or 5 times a power of ten. */
function axisTo(label: string, value: number): Axis {
  const power = 10 ** Math.floor(Math.log10(value / 5));
  const step = Math.max(1, [1, 2, 5, 10].map(digit => digit * power).find(size => size * 5 >= value) ?? value);
  return { label, step, max: Math.ceil(value / step) * step };
}

const marksOf = ({ step, max }: Axis): number[] =>
  Array.from({ length: Math.round(max / step) + 1 }, (_, i) => i * step);

/** One chart at its place from the top; `marks` are drawn with x and y as shares of the axes. */
function chart(index: number, title: string, p: { x: Axis; y: Axis; marks: string[] }): string {
  const { x, y, marks } = p;
  const grid = marksOf(y).map(value => {
    const at = rounded(inner.height * (1 - value / y.max));
    return `<line x1="0" x2="${inner.width}" y1="${at}" y2="${at}" stroke="#ddd"/><text x="-8" y="${at}" dy="4" text-anchor="end">${value}</text>`;
  });
  const below = marksOf(x).map(
    value =>
      `<text x="${rounded((inner.width * value) / x.max)}" y="${inner.height + 16}" text-anchor="middle">${value}</text>`,
  );
  return [
    `<g transform="translate(${margin.left},${index * chartHeight + margin.top})">`,
    `<text x="0" y="-14" font-weight="bold">${escaped(title)}</text>`,
    ...grid,
    ...below,
    `<text x="${inner.width / 2}" y="${inner.height + 32}" text-anchor="middle">${escaped(x.label)}</text>`,
    ...marks,
    '</g>',
  ].join('\n');
}

const place = (x: number, y: number, to: { x: Axis; y: Axis }): { x: string; y: string } => ({
  x: rounded((inner.width * x) / to.x.max),
  y: rounded(inner.height * (1 - Math.min(1, y / to.y.max))),
});

function finalityChart(outcomes: readonly SeedOutcome[]): string {
  const points = outcomes.flatMap(outcome => outcome.points);
  const slots = points.map(({ slot }) => slot);
  const times = points.map(({ ms }) => ms);
  const axes = { x: axisTo('slot', highest(slots, 1)), y: axisTo('ms', highest(times, 1_000)) };
  // Of more points than can be told apart, one of so many.
  const every = Math.ceil(points.length / maxPoints);
  const drawn = points.filter((_, i) => i % every === 0);
  const marks = drawn.map(({ slot, ms }) => {
    const { x, y } = place(slot, ms, axes);
    return `<circle cx="${x}" cy="${y}" r="1.5" fill="#1f5fa8" fill-opacity="0.5"/>`;
  });
  return chart(0, 'from birth to final, ms, by slot', { ...axes, marks });
}

/** Missed slots: how many of the slots up to each have no final block, the first seed's. */
function missedChart(outcomes: readonly SeedOutcome[]): string {
  const slots = (outcomes[0]?.points ?? []).map(({ slot }) => slot).sort((a, b) => a - b);
  const steps = slots.map((slot, i) => ({ slot, missed: slot - (i + 1) }));
  const missed = steps.map(step => step.missed);
  const axes = { x: axisTo('slot', highest(slots, 1)), y: axisTo('slots', highest(missed, 4)) };
  const line = steps.map(step => {
    const { x, y } = place(step.slot, step.missed, axes);
    return `${x},${y}`;
  });
  const marks = [`<polyline points="${line.join(' ')}" fill="none" stroke="#b3471d"/>`];
  return chart(1, 'slots missed so far, first seed', { ...axes, marks });
}

/** Stake (outline) beside share of the final blocks (filled), the largest sources first, over all seeds. */
function shareChart(outcomes: readonly SeedOutcome[]): string {
  const sums = new Map<number, { stake: number; blocks: number }>();
  for (const { shares } of outcomes) {
    for (const { member, stake, blocks } of shares) {
      const sum = sums.get(member) ?? { stake: 0, blocks: 0 };
      sums.set(member, { stake: sum.stake + stake / outcomes.length, blocks: sum.blocks + blocks / outcomes.length });
    }
  }
  const members = [...sums.values()].sort((a, b) => b.stake - a.stake).slice(0, 60);
  const parts = members.flatMap(({ stake, blocks }) => [stake, blocks]);
  const axes = { x: axisTo('source', Math.max(1, members.length)), y: axisTo('%', highest(parts, 1)) };
  const bar = Math.max(1, inner.width / axes.x.max - 2);
  const marks = members.flatMap(({ stake, blocks }, i) => {
    const [full, outline] = [place(i, blocks, axes), place(i, stake, axes)];
    const rect = (at: { x: string; y: string }, style: string): string =>
      `<rect x="${at.x}" y="${at.y}" width="${rounded(bar)}" height="${rounded(inner.height - Number(at.y))}" ${style}/>`;
    return [rect(full, 'fill="#3a8a4d" fill-opacity="0.6"'), rect(outline, 'fill="none" stroke="#222"')];
  });
  return chart(2, 'share of blocks (filled) beside share of stake (outline), %', { ...axes, marks });
}

/** An SVG document. */
export function plotSvg(report: Pick<Report, 'scenario' | 'seeds'>, outcomes: readonly SeedOutcome[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${3 * chartHeight}" font-family="sans-serif" font-size="11">`,
    `<title>${escaped(report.scenario)}, seeds ${report.seeds[0]} to ${report.seeds[1]}</title>`,
    `<rect width="100%" height="100%" fill="white"/>`,
    finalityChart(outcomes),
    missedChart(outcomes),
    shareChart(outcomes),
    '</svg>\n',
  ].join('\n');
}
