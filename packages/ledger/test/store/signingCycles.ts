/**
 * A node key through kills, records from older copies, clocks set back and two processes at once: everything that its
 * processes signed is gathered, and looked through for two signatures that no honest key makes.
 */
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSigningRecord } from '../../dist/level/index.js';
import { type ChildTask, childKey, draws } from './signingChild.js';

const epochSlots = 20;
const program = join(import.meta.dirname, 'signingChild.js');

export const cycleKinds = ['kill', 'restore', 'clock back', 'two processes'] as const;

export interface CycleReport {
  readonly seed: number;
  readonly cycles: number;
  readonly attempts: number;
  readonly signed: number;
  /** Processes that signed nothing, by their reason. */
  readonly closed: Readonly<Record<string, number>>;
  readonly conflicts: readonly string[];
}

interface SignedVote {
  readonly era: string;
  readonly source: number;
  readonly target: number;
  readonly line: string;
}

/** Everything that became known of the key, and what in it contradicts what. */
class Ledger {
  readonly blocks = new Map<string, string>();
  readonly votes: SignedVote[] = [];
  readonly conflicts: string[] = [];
  readonly shown = { block: 0, vote: 0 };

  take(line: string): void {
    const [kind, ...rest] = line.split(' ');
    if (kind === 'block') {
      const [slot, id] = rest as [string, string];
      const before = this.blocks.get(slot);
      if (before !== undefined && before !== id) this.conflicts.push(`blocks of slot ${slot}`);
      this.blocks.set(slot, id);
      this.shown.block = Math.max(this.shown.block, Number(slot));
    } else {
      const [era, source, target] = rest as [string, string, string];
      const vote = { era, source: Number(source), target: Number(target), line };
      for (const other of this.votes) {
        if (other.era !== era || other.line === line) continue;
        const isAround = (a: SignedVote, b: SignedVote) => a.source < b.source && b.target < a.target;
        if (other.target === vote.target || isAround(other, vote) || isAround(vote, other)) {
          this.conflicts.push(`${other.line} and ${line}`);
        }
      }
      this.votes.push(vote);
      this.shown.vote = Math.max(this.shown.vote, vote.target);
    }
  }
}

/**
 * Run one process to its end, or until it has printed `killAfter` lines.
 * @param p.beside - done while the process holds the record
 */
function runChild(task: ChildTask, p: { killAfter?: number; beside?: () => Promise<void> } = {}): Promise<string[]> {
  const { killAfter = Number.POSITIVE_INFINITY, beside } = p;
  return new Promise((resolve, reject) => {
    const given = JSON.stringify({ ...task, lingers: beside !== undefined });
    const child = spawn(process.execPath, [program, given], { stdio: ['pipe', 'pipe', 'inherit'] });
    let text = '';
    let isBegun = false;
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      if (text.split('\n').length > killAfter) child.kill('SIGKILL');
      if (beside && !isBegun) {
        isBegun = true;
        beside().then(() => child.stdin.end(), reject);
      }
    });
    child.on('error', reject).on('close', () => resolve(text.split('\n').slice(0, -1)));
  });
}

/** @param p.forgets - the planted fault: every process makes the record anew */
export async function signingCycles(p: {
  cycles: number;
  attemptsEach: number;
  seed: number;
  forgets?: boolean;
  kinds?: readonly (typeof cycleKinds)[number][];
}): Promise<CycleReport> {
  const { kinds = cycleKinds } = p;
  const draw = draws(p.seed);
  const dir = mkdtempSync(join(tmpdir(), 'radpass-cycles-'));
  const recordPath = join(dir, 'record');
  const copyPath = join(dir, 'copy');
  const ledger = new Ledger();
  const closed: Record<string, number> = {};
  let [attempts, signed, nowSlot] = [0, 0, 10];
  const take = (lines: readonly string[]): void => {
    for (const line of lines) {
      const [kind, code = ''] = line.split(' ');
      if (kind === 'closed') closed[code] = (closed[code] ?? 0) + 1;
      else if (kind === 'refused') attempts++;
      else if (kind !== 'done') {
        attempts++;
        signed++;
        ledger.take(line);
      }
    }
  };
  const task = (over: Partial<ChildTask> = {}): ChildTask => ({
    recordPath,
    seed: draw(2 ** 31),
    clockSlot: nowSlot,
    attempts: p.attemptsEach,
    shown: { ...ledger.shown },
    ...(p.forgets && { forgets: true }),
    ...over,
  });
  try {
    await createSigningRecord(recordPath, childKey.publicKey);
    cpSync(recordPath, copyPath, { recursive: true });
    for (let cycle = 0; cycle < p.cycles; cycle++) {
      // Time goes on: beyond whatever was tried before.
      nowSlot += 4 + draw(6);
      const kind = kinds[cycle % kinds.length]!;
      if (kind === 'kill') take(await runChild(task(), { killAfter: 1 + draw(p.attemptsEach) }));
      else if (kind === 'clock back') take(await runChild(task({ clockSlot: Math.max(1, nowSlot - draw(60)) })));
      else if (kind === 'two processes') {
        take(await runChild(task(), { beside: async () => take(await runChild(task())) }));
      } else {
        // The folder comes back as it was some cycles ago; told nothing, the process sees it in the chain.
        rmSync(recordPath, { recursive: true });
        if (draw(3) > 0) cpSync(copyPath, recordPath, { recursive: true });
        take(await runChild(task()));
        const untilSlot = nowSlot + 2 * epochSlots;
        take(await runChild(task({ restore: { nowSlot, untilSlot, leastSlots: epochSlots } })));
        nowSlot = untilSlot + 8;
        rmSync(copyPath, { recursive: true });
        cpSync(recordPath, copyPath, { recursive: true });
      }
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  return { seed: p.seed, cycles: p.cycles, attempts, signed, closed, conflicts: ledger.conflicts };
}
