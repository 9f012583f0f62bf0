/** Builders for these tests: a chain of numbered blocks, and nodes on loopback that serve and follow it. */
import { createHash } from 'node:crypto';
import { encodeCanonical } from '@radpass/core';
import { createNetwork, type Network, type NetworkHandlers, type NetworkInit, type Verdict } from '@radpass/p2p';

export const chainId = new Uint8Array(32).fill(7);
export const sha = (bytes: Uint8Array) => new Uint8Array(createHash('sha256').update(bytes).digest());

/** Block `height` of the one valid chain; `fill` makes it heavier, or (other than 1) invalid. */
export const block = (height: number, fill = 1, size = 40) =>
  encodeCanonical([height, new Uint8Array(size).fill(fill)]);

export class TestChain {
  readonly blocks: Uint8Array[];
  readonly imports: number[] = [];

  constructor(height: number) {
    this.blocks = Array.from({ length: height }, (_, i) => block(i + 1));
  }

  get height(): number {
    return this.blocks.length;
  }

  status(id: Uint8Array = chainId) {
    const height = this.height;
    return { chainId: id, height, headSlot: height, headId: this.id(height), finalHeight: 0, finalSlot: 0 };
  }

  id(height: number): Uint8Array {
    const at = this.blocks[height - 1];
    return at === undefined ? chainId : sha(at);
  }

  locator(): Uint8Array[] {
    const ids: Uint8Array[] = [];
    for (let height = this.height, step = 1; height > 0; height -= step, step *= 2) ids.push(this.id(height));
    return [...ids, chainId];
  }

  after(locator: Uint8Array[], limit: number): Uint8Array[] {
    const known = locator.map(id => Buffer.from(id).toString('hex'));
    let from = this.height;
    while (from > 0 && !known.includes(Buffer.from(this.id(from)).toString('hex'))) from -= 1;
    return this.blocks.slice(from, from + limit);
  }

  import(blocks: Uint8Array[]): 'ok' | 'bad' | 'stop' {
    this.imports.push(blocks.length);
    const before = this.height;
    for (const next of blocks) {
      // A locator is sparse: the first blocks of an answer may be known.
      if (this.blocks.some(known => Buffer.compare(known, next) === 0)) continue;
      if (Buffer.compare(next, block(this.height + 1)) !== 0) return 'bad';
      this.blocks.push(next);
    }
    return this.height > before ? 'ok' : 'stop';
  }
}

export interface TestNode {
  network: Network;
  chain: TestChain;
  /** What the handlers were given, e.g. `votes 05`. */
  got: string[];
  logged: string[];
  init: NetworkInit;
}

const nodes = new Set<Network>();

/** A node on a free port of 127.0.0.1; `verdict` decides on all messages. */
export async function startNode(
  n: number,
  options: {
    peers?: string[];
    height?: number;
    verdict?: (bytes: Uint8Array) => Verdict | Promise<Verdict>;
    handlers?: Partial<NetworkHandlers>;
    init?: Partial<NetworkInit>;
  } = {},
): Promise<TestNode> {
  const chain = new TestChain(options.height ?? 0);
  const got: string[] = [];
  const logged: string[] = [];
  const take = (kind: string) => async (bytes: Uint8Array) => {
    got.push(`${kind} ${Buffer.from(bytes.subarray(0, 4)).toString('hex')}`);
    return (await options.verdict?.(bytes)) ?? 'accept';
  };
  const id = options.init?.chainId ?? chainId;
  const init: NetworkInit = {
    seed: new Uint8Array(32).fill(n),
    chainId: id,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    peers: options.peers ?? [],
    log: (event, fields) => logged.push(`${event} ${JSON.stringify(fields)}`),
    handlers: {
      onTransaction: take('transactions'),
      onBlock: take('blocks'),
      onVote: take('votes'),
      status: () => chain.status(id),
      locator: () => chain.locator(),
      async *blocksAfter(locator, limit) {
        yield* chain.after(locator, limit);
      },
      importBlocks: async blocks => chain.import(blocks),
      ...options.handlers,
    },
    ...options.init,
  };
  const network = await createNetwork(init);
  nodes.add(network);
  return { network, chain, got, logged, init };
}

export async function stopAll(): Promise<void> {
  await Promise.all([...nodes].map(network => network.stop()));
  nodes.clear();
}

/** Wait until it holds. @returns the milliseconds that it took */
export async function until(holds: () => boolean, withinMs = 5_000): Promise<number> {
  const start = performance.now();
  while (!holds()) {
    if (performance.now() - start > withinMs) throw new Error(`not within ${withinMs} ms: ${holds}`);
    await pause(10);
  }
  return performance.now() - start;
}

export const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms));
