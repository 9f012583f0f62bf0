import { describe, expect, it } from '@jest/globals';
import { sha256, toHex, utf8 } from '@radpass/core';
import {
  ancestorsOf,
  type BlockTree,
  isAncestor,
  selectHead,
  type TreeBlock,
} from '../../dist/consensus/forkChoice.js';

/** A tree from lines "name parent height vrf"; ids are the names' bytes padded by hash, so that order is by name. */
function tree(...lines: string[]): BlockTree & { of(name: string): TreeBlock } {
  const id = (name: string) => Uint8Array.from([...utf8(name), ...sha256(utf8(name))].slice(0, 32));
  const blocks = new Map<string, TreeBlock>();
  for (const line of lines) {
    const [name = '', parent = '', height, vrf] = line.split(' ');
    const block = {
      id: id(name),
      parent: id(parent),
      slot: Number(height),
      height: Number(height),
      vrfOutput: new Uint8Array(64).fill(Number(vrf)),
    };
    blocks.set(toHex(block.id), block);
  }
  const all = [...blocks.values()];
  return {
    block: wanted => blocks.get(toHex(wanted)),
    leaves: () => all.filter(b => !all.some(other => toHex(other.parent) === toHex(b.id))),
    of: name => blocks.get(toHex(id(name)))!,
  };
}

describe('selectHead', () => {
  it('takes the greatest height', () => {
    const t = tree('g - 0 0', 'a g 1 5', 'b a 2 9', 'c g 1 1');
    expect(selectHead(t, t.of('g').id)).toBe(t.of('b'));
  });
  it('never leaves the justified block for a higher branch', () => {
    const t = tree('g - 0 0', 'a g 1 5', 'b g 1 1', 'c b 2 1', 'd c 3 1');
    expect(selectHead(t, t.of('a').id)).toBe(t.of('a'));
    expect(selectHead(t, t.of('b').id)).toBe(t.of('d'));
  });
  it('breaks ties by the smaller VRF output, then by the smaller id', () => {
    const t = tree('g - 0 0', 'b g 1 3', 'a g 1 4');
    expect(selectHead(t, t.of('g').id)).toBe(t.of('b'));
    const same = tree('g - 0 0', 'b g 1 3', 'a g 1 3');
    expect(selectHead(same, same.of('g').id)).toBe(same.of('a'));
  });
  it('knows nothing of a justified block that the tree lacks', () => {
    const t = tree('g - 0 0', 'a g 1 5');
    expect(selectHead(t, sha256(utf8('elsewhere')))).toBeUndefined();
  });
});

describe('ancestors', () => {
  const t = tree('g - 0 0', 'a g 1 1', 'b a 2 1', 'c b 3 1', 'x a 2 2');
  it('are the block itself and all below it on its branch', () => {
    expect(['g', 'a', 'b', 'c'].map(name => isAncestor(t, t.of(name).id, t.of('c').id))).toEqual(Array(4).fill(true));
    expect(isAncestor(t, t.of('x').id, t.of('c').id)).toBe(false);
    expect(isAncestor(t, t.of('c').id, t.of('a').id)).toBe(false);
  });
  it('are looked up down to a height and no deeper', () => {
    const find = ancestorsOf(t, t.of('c').id, 1);
    expect(find(t.of('a').id)?.height).toBe(1);
    expect(find(t.of('c').id)?.height).toBe(3);
    expect(find(t.of('x').id)).toBeUndefined();
    expect(find(t.of('g').id)).toBeUndefined();
  });
});
