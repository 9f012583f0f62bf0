import { beforeEach, describe, expect, it } from '@jest/globals';
import { nobleVerifier, sha256, sign, toHex, utf8 } from '@radpass/core';
import {
  checkCheckpoint,
  encodeCheckpointStatement,
  formatCheckpoint,
  type NamedCheckpoint,
  parseCheckpoint,
  parseCheckpointName,
  signCheckpoint,
} from '../dist/checkpoint.js';
import { createGenesis, type Genesis } from '../dist/genesis.js';
import { seedKey, testContent } from './testChain.js';

const hash = (name: string): Uint8Array => sha256(utf8(name));
const keys = ['first', 'second', 'third'].map(name => seedKey(`checkpoint ${name}`));

describe('a checkpoint that people name', () => {
  let genesis: Genesis;
  let bare: NamedCheckpoint;

  beforeEach(() => {
    const checkpointKeys = keys.map(key => key.publicKey);
    genesis = createGenesis(testContent(4, { checkpointKeys, checkpointThreshold: 2 }));
    bare = {
      chainId: genesis.chainId,
      kind: 'trust',
      slot: 9,
      blockId: hash('block'),
      stateRoot: hash('state'),
      committeeRoot: hash('committee'),
      replaces: new Uint8Array(),
      reason: '',
      signatures: [],
    };
  });

  const reasonFor = (run: () => unknown): string => {
    try {
      run();
      return 'none';
    } catch (error) {
      const { code, reason } = (error as { detail: { code: string; reason: string } }).detail;
      expect(code).toBe('LEDGER_CHECKPOINT');
      return reason;
    }
  };
  const check = (checkpoint: NamedCheckpoint): string =>
    reasonFor(() => checkCheckpoint(checkpoint, genesis, nobleVerifier));
  const signed = (): NamedCheckpoint => signCheckpoint(signCheckpoint(bare, keys[2]!), keys[0]!);

  it('counts with as many signatures as genesis demands, in whatever order they were added', () => {
    expect(check(signed())).toBe('none');
    expect(check(signCheckpoint(signed(), keys[0]!))).toBe('none');
    expect(check(bare)).toMatch(/^0 signatures/);
    expect(check(signCheckpoint(bare, keys[1]!))).toMatch(/^1 signatures/);
  });

  it('counts no key twice, and none that genesis does not name', () => {
    const [one] = signCheckpoint(bare, keys[1]!).signatures;
    expect(check({ ...bare, signatures: [one!, one!] })).toMatch(/ascending/);
    expect(check(signCheckpoint(signed(), seedKey('stranger')))).toMatch(/does not name/);
  });

  it.each<[string, Partial<NamedCheckpoint>]>([
    ['slot', { slot: 10 }],
    ['blockId', { blockId: hash('other') }],
    ['stateRoot', { stateRoot: hash('other') }],
    ['committeeRoot', { committeeRoot: hash('other') }],
    ['reason', { reason: 'because' }],
    ['kind and replaces', { kind: 'recovery', replaces: hash('root') }],
  ])('is not signed any more with another %s', (_name, change) => {
    expect(check({ ...signed(), ...change })).toMatch(/does not verify/);
  });

  it('says nothing about another network', () => {
    genesis = createGenesis(testContent(3, { checkpointKeys: genesis.checkpointKeys, checkpointThreshold: 2 }));
    expect(check(signed())).toMatch(/another network/);
  });

  it('is signed for this purpose alone', () => {
    const signature = sign(keys[1]!, 'ownership', genesis.chainId, encodeCheckpointStatement(bare));
    const signatures = [{ key: keys[1]!.publicKey, signature }];
    expect(check({ ...bare, signatures })).toMatch(/does not verify/);
  });

  it('needs no signature where genesis names no keys: whoever gives it vouches for it', () => {
    genesis = createGenesis(testContent(4));
    bare = { ...bare, chainId: genesis.chainId };
    expect(check(bare)).toBe('none');
  });

  it('replaces an era exactly when it is a recovery, and is never of genesis', () => {
    expect(reasonFor(() => encodeCheckpointStatement({ ...bare, replaces: hash('root') }))).toMatch(/replaces an era/);
    expect(reasonFor(() => encodeCheckpointStatement({ ...bare, kind: 'recovery' }))).toMatch(/replaces an era/);
    expect(reasonFor(() => encodeCheckpointStatement({ ...bare, slot: 0 }))).toMatch(/genesis/);
  });

  it('comes back from its file as it was', () => {
    const recovery = { ...bare, kind: 'recovery' as const, replaces: hash('root'), reason: '5 of 9 hospitals closed' };
    for (const one of [bare, signed(), signCheckpoint(recovery, keys[0]!)]) {
      expect(parseCheckpoint(formatCheckpoint(one))).toEqual(one);
    }
  });

  it('is refused from a file with a field missing, added or malformed', () => {
    const file: Record<string, unknown> = JSON.parse(formatCheckpoint(signed()));
    const text = (change: Record<string, unknown>): string => JSON.stringify({ ...file, ...change });
    expect(reasonFor(() => parseCheckpoint('{'))).toMatch(/JSON/);
    expect(reasonFor(() => parseCheckpoint('[]'))).toMatch(/no object/);
    expect(reasonFor(() => parseCheckpoint(text({ more: 1 })))).toMatch(/other fields/);
    const bad: [string, unknown[]][] = [
      ['chainId', ['', 'AB'.repeat(32), 7]],
      ['kind', ['other', 1]],
      ['slot', [0, 1.5, -1, '9', 2 ** 53]],
      ['blockId', ['00']],
      ['stateRoot', [null]],
      ['committeeRoot', ['zz'.repeat(32)]],
      ['replaces', ['00', '00'.repeat(32)]],
      ['reason', [1, 'a'.repeat(257), 'Grüße']],
      ['signatures', [null, {}, [{}], [{ key: '01'.padEnd(64, '0'), signature: '00'.repeat(64) }]]],
    ];
    for (const [name, values] of bad) {
      for (const value of values)
        expect([name, value, reasonFor(() => parseCheckpoint(text({ [name]: value })))]).not.toEqual([
          name,
          value,
          'none',
        ]);
      expect(reasonFor(() => parseCheckpoint(text({ [name]: undefined })))).toMatch(/other fields/);
    }
  });

  it('is named by hand as SLOT:BLOCKID and in no other way', () => {
    const id = toHex(hash('block'));
    expect(parseCheckpointName(`12:${id}`)).toEqual({ slot: 12, blockId: hash('block') });
    for (const text of [`0:${id}`, `012:${id}`, `12:${id.toUpperCase()}`, `12:${id}0`, `12 ${id}`, id, '']) {
      expect(parseCheckpointName(text)).toBeNull();
    }
  });
});
