/**
 * One of four nodes is killed hard at a random time, again and again, the next once all name one final height, while
 * transactions come in at every node. Then nothing that was acknowledged may be missing and every folder must be whole.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type SecretKey, toHex } from '@radpass/core';
import { roots, TestNetwork, type TestNode } from './network.js';
import { newStudy } from './transactions.js';

export interface KillReport {
  /** From SIGKILL's restart to the ready line, each. */
  restartMs: number[];
  acknowledged: number;
  /** Acknowledged, and not final on some node at the end. */
  missing: string[];
  /** "finalHeight stateRoot" of each running node at the end. */
  roots: string[];
  exitCodes: (number | null)[];
  /** Exit code and output of `verify` on each folder. */
  verified: { exitCode: number | null; ok?: boolean; finalHeight?: number; stateRoot?: string; stderr: string }[];
}

/** mulberry32: the same seed gives the same run, as far as processes can. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function seedOfRun(): number {
  return Number(process.env.RADPASS_SEED ?? Date.now() % 1_000_000);
}

const longestLifeMs = 1_000;
const longestDeathMs = 500;
const postEveryMs = 150;
const finalMs = 30_000;

export async function killAgainAndAgain(p: { kills: number; seed: number }): Promise<KillReport> {
  const draw = random(p.seed);
  const network = await TestNetwork.started();
  let poster: Poster | undefined;
  try {
    const sources = await Promise.all(network.nodes.map(node => node.sourceSecret()));
    poster = new Poster(network, sources, random(p.seed + 1));
    const restartMs: number[] = [];
    let height = (await network.agreed(1))[0]!.finalHeight;
    for (let kill = 0; kill < p.kills; kill++) {
      await delay(draw() * longestLifeMs);
      const victim = network.nodes[Math.floor(draw() * network.nodes.length)]!;
      await victim.stop('SIGKILL');
      await delay(draw() * longestDeathMs);
      restartMs.push((await victim.start()).tookMs);
      height = (await network.agreed(height + 1, { timeoutMs: finalMs }))[0]!.finalHeight;
    }
    const acknowledged = await poster.stop();
    const missing = await notFinal(network.nodes, acknowledged);
    const atEnd = roots(await network.agreed(height + 1, { timeoutMs: finalMs }));
    const exitCodes = await Promise.all(network.nodes.map(node => node.stop()));
    const outcomes = await Promise.all(network.nodes.map(node => node.verify()));
    const verified = outcomes.map(({ exitCode, stdout, stderr }) => ({
      ...{ exitCode, stderr },
      ...(stdout ? (JSON.parse(stdout) as object) : {}),
    }));
    return { restartMs, acknowledged: acknowledged.length, missing, roots: atEnd, exitCodes, verified };
  } finally {
    poster?.end();
    await network.close();
  }
}

/** Posts studies to random nodes, one after the other, and keeps the ids that were acknowledged. */
class Poster {
  readonly #acknowledged: string[] = [];
  readonly #done: Promise<void>;
  #stopping = false;

  constructor(network: TestNetwork, sources: readonly SecretKey[], draw: () => number) {
    this.#done = this.#run(network, sources, draw);
  }

  /** No post after the one that is on its way: a run that failed must not go on for ever. */
  end(): void {
    this.#stopping = true;
  }

  async stop(): Promise<string[]> {
    this.end();
    await this.#done;
    return this.#acknowledged;
  }

  async #run(network: TestNetwork, sources: readonly SecretKey[], draw: () => number): Promise<void> {
    const pick = <T>(all: readonly T[]): T => all[Math.floor(draw() * all.length)]!;
    while (!this.#stopping) {
      const { transaction } = newStudy({ chainId: network.chainId, source: pick(sources) });
      try {
        this.#acknowledged.push(toHex((await pick(network.nodes).api.submit(transaction)).id));
      } catch (error) {
        // The node was dead or died: nothing was promised. A refusal would be a fault.
        if (!(error instanceof Error && 'code' in error && error.code === 'CLIENT_UNREACHABLE')) throw error;
      }
      await delay(postEveryMs);
    }
  }
}

async function notFinal(nodes: readonly TestNode[], ids: readonly string[]): Promise<string[]> {
  const missing: string[] = [];
  const onOne = async (node: TestNode): Promise<void> => {
    for (const id of ids) {
      try {
        await node.api.waitFor(Uint8Array.from(Buffer.from(id, 'hex')), 'final', { timeoutMs: finalMs });
      } catch (error) {
        missing.push(`${node.dir}: ${id}: ${error}`);
      }
    }
  };
  await Promise.all(nodes.map(onOne));
  return missing;
}
