import { beforeEach, describe, expect, it } from '@jest/globals';
import { sha256 } from '@radpass/core';
import { parseHeader } from '../../dist/block.js';
import { type NamedCheckpoint, signCheckpoint } from '../../dist/checkpoint.js';
import type { VoteMessage } from '../../dist/consensus/votes.js';
import { votersRoot } from '../../dist/light/certificate.js';
import { LightClient } from '../../dist/light/client.js';
import { encodeLightUpdate, type HandOver, type LightUpdate, parseLightUpdate } from '../../dist/light/update.js';
import { seedKey } from '../testChain.js';
import { type Era, hashOf, LightWorld, members } from './lightWorld.js';

/** The code of a refusal, with its fault where it has one. */
const refusal = (run: () => unknown): string => {
  try {
    run();
    return 'none';
  } catch (error) {
    const { code, fault } = (error as { detail: { code: string; fault?: string } }).detail;
    return fault ?? code;
  }
};

describe('a light client', () => {
  let world: LightWorld;
  let client: LightClient;
  const nowMs = (): number => world.timeOf(40);
  const open = (): LightClient => LightClient.open({ genesis: world.genesis, nowMs: nowMs() });

  beforeEach(() => {
    world = new LightWorld();
    client = open();
  });

  const final = (slot: number, era: Era = world.first): LightUpdate => ({
    handOvers: [],
    final: world.final(slot, era),
  });
  const advance = (update: LightUpdate): string =>
    refusal(() => client.advance(parseLightUpdate(encodeLightUpdate(update)), nowMs()));

  it('begins at genesis and takes a final block by one certificate', () => {
    expect(client.final).toMatchObject({ slot: 0, blockId: world.genesis.chainId });
    const update = final(9);
    expect(client.advance(update, nowMs())).toEqual(client.final);
    const { stateRoot } = parseHeader(update.final!.header);
    expect(client.final).toEqual({
      slot: 9,
      blockId: sha256(update.final!.header),
      timeMs: world.timeOf(9),
      stateRoot,
    });
  });

  it('takes a checkpoint that is later than its block', () => {
    const header = world.header(9, world.first);
    const certificate = world.certify(sha256(header), 12, world.first);
    expect(advance({ handOvers: [], final: { header, certificate } })).toBe('none');
    expect(client.final.slot).toBe(12);
  });

  it('checks an older final block and keeps the newest', () => {
    advance(final(9));
    expect(client.advance(final(5), nowMs())?.slot).toBe(5);
    expect(client.final.slot).toBe(9);
  });

  it('rolls from era to era, each by the voters of the one before', () => {
    const second = world.open(10, world.first, members(['a', 'b', 'c']));
    const third = world.open(20, second.era, members(['b', 'd', 'e', 'f', 'g']));
    expect(advance({ handOvers: [second.handOver, third.handOver], final: world.final(25, third.era) })).toBe('none');
    expect(client.root).toEqual(third.era.root);
    expect(client.final.slot).toBe(25);
    expect(advance(final(26))).toBe('root');
  });

  it('takes a hand-over alone, and an unchanged list of voters as none', () => {
    const same = world.first.keys.map((key, i) => ({ key, weight: world.first.voters[i]!.weight }));
    const { handOver, era } = world.open(10, world.first, same);
    expect(advance({ handOvers: [{ ...handOver, voters: [] }], final: null })).toBe('none');
    expect(client.root).toEqual(era.root);
    expect(client.final).toMatchObject({ slot: 10, blockId: era.root.id });
    expect(advance(final(12, era))).toBe('none');
  });

  describe('refuses, and goes on as before,', () => {
    const shape = (change: Partial<VoteMessage>): LightUpdate => {
      const header = world.header(9, world.first);
      const certificate = world.certify(sha256(header), 9, world.first, { message: change });
      return { handOvers: [], final: { header, certificate } };
    };

    it.each<[string, () => LightUpdate, string]>([
      ['a certificate of another era', () => shape({ rootId: hashOf('root') }), 'root'],
      ['one for another block', () => shape({ sourceId: hashOf('other') }), 'not final'],
      ['one that only justifies', () => shape({ targetSlot: 11 }), 'not final'],
      ['one from before its block', () => shape({ sourceSlot: 8, targetSlot: 9 }), 'slots'],
      ['one from the future', () => shape({ sourceSlot: 60, targetSlot: 61 }), 'future'],
      [
        'a header of another network',
        () => ({ handOvers: [], final: world.final(9, world.first, { chainId: hashOf('x') }) }),
        'LEDGER_BLOCK_CHAIN',
      ],
      [
        'a header of rules that it does not know',
        () => ({ handOvers: [], final: world.final(9, world.first, { rulesVersion: 2 }) }),
        'LEDGER_BLOCK_VERSION',
      ],
      [
        'fewer than two thirds',
        () => ({ handOvers: [], final: world.final(9, world.first, {}, { voters: [0, 3] }) }),
        'quorum',
      ],
      ['no votes', () => ({ handOvers: [], final: world.final(9, world.first, {}, { voters: [] }) }), 'quorum'],
    ])('%s', (_name, update, fault) => {
      const before = client.save();
      expect(advance(update())).toBe(fault);
      expect(client.save()).toEqual(before);
    });

    it('a header of which any field was changed', () => {
      const update = final(9);
      const header = parseHeader(update.final!.header);
      const changed = {
        slot: 8,
        height: 1,
        stateRoot: hashOf('s'),
        committeeRoot: hashOf('c'),
        root: { slot: 1, id: header.root.id },
        bodySize: 5,
      };
      for (const [name, value] of Object.entries(changed)) {
        const other = world.header(9, world.first, { [name]: value });
        expect([name, advance({ handOvers: [], final: { ...update.final!, header: other } })]).toEqual([
          name,
          'not final',
        ]);
      }
    });

    it('a vote that is altered, missing, moved to another voter, or by somebody else', () => {
      const { header, certificate } = final(9).final!;
      const set = (change: object): string =>
        advance({ handOvers: [], final: { header, certificate: { ...certificate, ...change } } });
      const { signatures, bitmap } = certificate;
      const flipped = signatures.map((signature, i) =>
        i === 2 ? signature.map((byte, at) => (at === 40 ? byte ^ 1 : byte)) : signature,
      );
      expect(set({ signatures: flipped })).toBe('signature');
      expect(set({ signatures: signatures.slice(1) })).toBe('count');
      expect(set({ signatures: [...signatures].reverse() })).toBe('signature');
      expect(set({ bitmap: Uint8Array.of(bitmap[0]! | 16) })).toBe('bitmap');
      expect(set({ bitmap: new Uint8Array(2) })).toBe('bitmap');
      const strangers = { ...world.first, keys: members(['w', 'x', 'y', 'z']).map(({ key }) => key) };
      expect(advance({ handOvers: [], final: world.final(9, strangers) })).toBe('signature');
    });

    it('a second final block at one slot', () => {
      expect(advance(final(9))).toBe('none');
      const before = client.save();
      const other = world.final(9, world.first, { stateRoot: hashOf('another state') });
      expect(advance({ handOvers: [], final: other })).toBe('conflict');
      expect(client.save()).toEqual(before);
    });

    it('a hand-over with other voters, or by others than the voters before', () => {
      const { handOver, era } = world.open(10, world.first, members(['a', 'b', 'c']));
      const swapped: HandOver = { ...handOver, voters: [...handOver.voters].reverse() };
      expect(advance({ handOvers: [swapped], final: null })).toBe('voters');
      expect(advance({ handOvers: [{ ...handOver, voters: [] }], final: null })).toBe('voters');
      const heavier = handOver.voters.map(voter => ({ ...voter, weight: 2 }));
      expect(advance({ handOvers: [{ ...handOver, voters: heavier }], final: null })).toBe('voters');
      const third = world.open(20, era, members(['d']));
      expect(advance({ handOvers: [third.handOver], final: null })).toBe('root');
      expect(advance({ handOvers: [third.handOver, handOver], final: null })).toBe('root');
      expect(advance({ handOvers: [handOver], final: world.final(25, third.era) })).toBe('root');
      expect(client.root.slot).toBe(0);
      const ofAnother = world.final(10, world.first, { root: { slot: 3, id: hashOf('another root') } });
      expect(advance({ handOvers: [{ ...ofAnother, voters: [] }], final: null })).toBe('era');
    });
  });

  it('counts weight, not heads: two thirds exactly are too few, three fifths only after a stall', () => {
    const { handOver, era } = world.open(2, world.first, [...members(['a'], 2), ...members(['b', 'c', 'd', 'e'], 1)]);
    const stalled = era.root.slot + world.genesis.params.stallSlots;
    client = LightClient.open({ genesis: world.genesis, nowMs: world.timeOf(stalled + 20) });
    const late = (update: LightUpdate): string => refusal(() => client.advance(update, world.timeOf(stalled + 20)));
    const by = (slot: number, voters: number[]): string =>
      late({ handOvers: [], final: world.final(slot, era, {}, { voters }) });
    expect(late({ handOvers: [handOver], final: null })).toBe('none');
    expect(by(30, [0, 1, 2])).toBe('quorum');
    expect(by(31, [0, 1, 2, 3])).toBe('none');
    expect(by(stalled - 2, [0, 1, 2])).toBe('quorum');
    expect(by(stalled - 1, [0, 1, 2])).toBe('none');
    expect(by(stalled + 1, [0, 1])).toBe('quorum');
    expect(by(stalled + 2, [1, 2, 3, 4])).toBe('none');
  });

  it('goes on from its saved state, on its own network alone', () => {
    const { handOver, era } = world.open(10, world.first, members(['a', 'b', 'c']));
    advance({ handOvers: [handOver], final: world.final(12, era) });
    const saved = client.save();
    const { chainId } = world.genesis;
    client = LightClient.load(saved, { chainId, nowMs: nowMs() });
    expect(client.save()).toEqual(saved);
    expect(advance(final(14, era))).toBe('none');
    expect(refusal(() => LightClient.load(saved, { chainId: hashOf('x'), nowMs: nowMs() }))).toBe('LEDGER_BLOCK_CHAIN');
    expect(refusal(() => LightClient.load(saved.slice(1), { chainId, nowMs: nowMs() }))).toBe('LEDGER_LIGHT_UPDATE');
    expect(refusal(() => LightClient.load(saved, { chainId, nowMs: world.timeOf(1) }))).toBe('future');
  });

  describe('that has seen nothing final for longer than trustMs', () => {
    const day = 86_400_000;
    const later = (days: number): number => world.timeOf(0) + days * day;
    const slotOf = (days: number): number => Math.floor((days * day) / world.genesis.params.slotMs);

    it('refuses to open, to load and to advance', () => {
      const saved = client.save();
      const { genesis } = world;
      expect(refusal(() => LightClient.open({ genesis, nowMs: later(7) }))).toBe('none');
      expect(refusal(() => LightClient.open({ genesis, nowMs: later(7) + 1 }))).toBe('LEDGER_TRUST_OLD');
      expect(refusal(() => LightClient.load(saved, { chainId: genesis.chainId, nowMs: later(7) + 1 }))).toBe(
        'LEDGER_TRUST_OLD',
      );
      expect(refusal(() => client.advance(final(slotOf(8)), later(8)))).toBe('LEDGER_TRUST_OLD');
    });

    it('stays trusted by what it sees in time', () => {
      client.advance(final(slotOf(6)), later(6));
      client.advance(final(slotOf(12)), later(12));
      expect(client.final.slot).toBe(slotOf(12));
    });

    it('begins again at a checkpoint of a block whose header and voters any node gives', () => {
      const checkpointKeys = ['k', 'l'].map(name => seedKey(name).publicKey);
      world = new LightWorld({ checkpointKeys, checkpointThreshold: 1 });
      const second = world.open(slotOf(29), world.first, members(['a', 'b', 'c']));
      const { genesis } = world;
      const header = world.header(slotOf(30), second.era);
      const { voters } = second.era;
      const { stateRoot, committeeRoot } = parseHeader(header);
      const byHand = { slot: slotOf(30), blockId: sha256(header) };
      const file: NamedCheckpoint = {
        chainId: genesis.chainId,
        kind: 'trust',
        ...byHand,
        stateRoot,
        committeeRoot,
        replaces: new Uint8Array(),
        reason: '',
        signatures: [],
      };
      const at = (checkpoint: typeof byHand | NamedCheckpoint, over: object = {}): string =>
        refusal(() => {
          client = LightClient.open({ genesis, anchor: { checkpoint, header, voters, ...over }, nowMs: later(31) });
        });
      const signed = signCheckpoint(file, seedKey('l'));
      expect(at(byHand)).toBe('none');
      expect(at(signed)).toBe('none');
      expect(refusal(() => client.advance(final(slotOf(31) - 2, second.era), later(31)))).toBe('none');
      expect(at(file)).toBe('LEDGER_CHECKPOINT');
      expect(at({ ...byHand, blockId: hashOf('x') })).toBe('LEDGER_CHECKPOINT');
      expect(at({ ...byHand, slot: slotOf(30) - 1 })).toBe('LEDGER_CHECKPOINT');
      expect(at({ ...byHand, slot: slotOf(32) })).toBe('future');
      expect(at({ ...byHand, slot: slotOf(20) }, { header: world.header(slotOf(20), second.era) })).toBe(
        'LEDGER_CHECKPOINT',
      );
      expect(at(byHand, { voters: world.first.voters })).toBe('LEDGER_CHECKPOINT');
      expect(at(signCheckpoint({ ...file, stateRoot: hashOf('x') }, seedKey('l')))).toBe('LEDGER_CHECKPOINT');
      expect(at(signCheckpoint({ ...file, committeeRoot: votersRoot([]) }, seedKey('l')))).toBe('LEDGER_CHECKPOINT');
      expect(at(signCheckpoint({ ...file, kind: 'recovery', replaces: hashOf('r') }, seedKey('l')))).toBe(
        'LEDGER_CHECKPOINT',
      );
      const old = world.header(slotOf(20), second.era);
      expect(at({ slot: slotOf(20), blockId: sha256(old) }, { header: old })).toBe('LEDGER_TRUST_OLD');
    });
  });

  it('reads no update that is too long, too deep or has too many parts', () => {
    const bytes = encodeLightUpdate(final(9));
    expect(refusal(() => parseLightUpdate(new Uint8Array(1024 * 1024 + 1)))).toBe('LEDGER_LIGHT_UPDATE');
    expect(refusal(() => parseLightUpdate(bytes.slice(0, -1)))).toBe('LEDGER_LIGHT_UPDATE');
    const { handOver } = world.open(10, world.first, members(['a']));
    const many = { handOvers: Array.from({ length: 17 }, () => handOver), final: null };
    expect(refusal(() => parseLightUpdate(encodeLightUpdate(many)))).toBe('LEDGER_LIGHT_UPDATE');
  });
});
