/**
 * How a node may depart from the rules: what it does with what its own chain sends, with what it hears, and with what peers
 * ask of it. A researcher adds an attack by a class that overrides what it needs; docs/simulator.md walks through one.
 *
 * The chain inside an adversary's node is the shipped one; an attack bends what goes in and out. Two nodes of one key
 * ("twins", see World.addTwin) sign twice without either knowing.
 */
import type { Message } from './network.js';
import type { SimNode } from './simNode.js';

export abstract class Adversary {
  abstract readonly name: string;

  /** Its chain sends a message. Default: to all peers at once. */
  send(message: Message, node: SimNode): void {
    node.broadcast(message);
  }

  /** A message arrives. Default: its chain takes it. */
  receive(message: Message, _from: number, node: SimNode): void {
    node.take(message);
  }

  /** A peer asks for blocks. Default: the truth. */
  blocksFor(locator: readonly Uint8Array[], node: SimNode): Promise<Uint8Array[]> {
    return node.blocksAfter(locator);
  }
}
