/** A run as a picture: three charts in one SVG, drawn by hand so that no library is needed. */
import type { Report } from './run.js';
import type { SeedOutcome } from './scenario.js';

const width = 720;
const chartHeight = 200;
const margin = { left: 64, right: 16, top: 36, bottom: 40 };
const inner = { width: width - margin.left - margin.right, height: chartHeight - margin.top - margin.bottom };

interface Axis {
  readonly label: string;
  readonly max: number;
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const rounded = (value: number): string => value.toFixed(1);

/** One chart at its place from the top; `marks` are drawn with x and y as shares of the axes. */
function chart(index: number, title: string, p: { x: Axis; y: Axis; marks: string[] }): string {
  const { x, y, marks } = p;
  const tick = (axis: Axis, share: number): string => `${Math.round(axis.max * share)}`;
  const shares = [0, 0.25, 0.5, 0.75, 1];
  const grid = shares.map(share => {
    const at = rounded(inner.height * (1 - share));
    return `<line x1="0" x2="${inner.width}" y1="${at}" y2="${at}" stroke="#ddd"/><text x="-8" y="${at}" dy="4" text-anchor="end">${tick(y, share)}</text>`;
  });
  const below = shares.map(
    share =>
      `<text x="${rounded(inner.width * share)}" y="${inner.height + 16}" text-anchor="middle">${tick(x, share)}</text>`,
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
  const axes = {
    x: { label: 'slot', max: Math.max(1, ...points.map(({ slot }) => slot)) },
    y: { label: 'ms', max: Math.max(1_000, ...points.map(({ ms }) => ms)) },
  };
  const marks = points.map(({ slot, ms }) => {
    const { x, y } = place(slot, ms, axes);
    return `<circle cx="${x}" cy="${y}" r="1.5" fill="#1f5fa8" fill-opacity="0.5"/>`;
  });
  return chart(0, 'from birth to final, ms, by slot', { ...axes, marks });
}

/** Missed slots: how many of the slots up to each have no final block, the first seed's. */
function missedChart(outcomes: readonly SeedOutcome[]): string {
  const slots = (outcomes[0]?.points ?? []).map(({ slot }) => slot).sort((a, b) => a - b);
  const steps = slots.map((slot, i) => ({ slot, missed: slot - (i + 1) }));
  const axes = {
    x: { label: 'slot', max: Math.max(1, ...slots) },
    y: { label: 'slots', max: Math.max(4, ...steps.map(({ missed }) => missed)) },
  };
  const line = steps.map(({ slot, missed }) => {
    const { x, y } = place(slot, missed, axes);
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
  const axes = {
    x: { label: 'source', max: members.length },
    y: { label: '%', max: Math.max(1, ...members.flatMap(({ stake, blocks }) => [stake, blocks])) },
  };
  const bar = Math.max(1, inner.width / Math.max(1, members.length) - 2);
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
