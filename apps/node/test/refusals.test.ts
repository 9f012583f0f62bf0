/** Bad input at the commands: one plain sentence, a stable code, the exit code, and nothing changed. */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { run } from './commands.js';
import { TestNetwork, type TestNode } from './network.js';
import { expectAllRefused, expectRefused } from './refusalRules.js';

let network: TestNetwork;
let node: TestNode;

beforeAll(async () => {
  network = await TestNetwork.create({ founders: 2 });
  node = network.nodes[0]!;
}, 120_000);
afterAll(() => network.close());

const at = (...names: string[]): string => join(network.dir, ...names);
/** `start` with these flags, and where none is named a folder of its own and no key. */
const start = (folder: string, flags: Record<string, string> = {}): string[] => [
  'start',
  ...Object.entries({ 'data-dir': at(folder), genesis: network.genesisFile, ...flags }).flatMap(([name, value]) => [
    `--${name}`,
    value,
  ]),
];

describe('beside a running node', () => {
  beforeAll(async () => {
    await node.start();
  }, 30_000);
  afterAll(async () => {
    expect(await node.stop()).toBe(0);
  });

  it('its key, its folder and its ports are refused to others, and it goes on', async () => {
    const api = `127.0.0.1:${node.apiPort}`;
    await expectAllRefused([
      [start('a', { key: node.nodeKeyFile }), { code: 'LEDGER_SIGNING_RECORD_LOCKED', says: 'another process signs' }],
      [start('a', { 'data-dir': node.dataDir }), { code: 'NODE_RUNNING', says: 'in use by a running node' }],
      [['verify', '--data-dir', node.dataDir], { code: 'NODE_RUNNING', says: 'stop it first' }],
      [start('b', { api }), { code: 'CLIENT_PORT_IN_USE', says: `${api} is in use` }],
      [start('c', { listen: node.listen }), { code: 'P2P_LISTEN', says: node.listen }],
    ]);
    expect(node.stderr).not.toContain('chain-stopped');
    expect((await node.status()).headSlot).toBeGreaterThan(0);
  }, 120_000);
});

describe('before anything is opened', () => {
  it('keys without their record, without a file, or with a file that is none are refused', async () => {
    mkdirSync(at('moved'));
    cpSync(node.nodeKeyFile, at('moved', 'node.key'));
    writeFileSync(at('text.key'), 'no key', { mode: 0o600 });
    await expectAllRefused([
      [
        start('d', { key: at('moved', 'node.key') }),
        { code: 'LEDGER_SIGNING_RECORD_MISSING', says: 'a key without its record is not used' },
      ],
      [
        start('d2', { key: at('moved', 'node.key'), 'restore-after': '0' }),
        { code: 'LEDGER_SIGNING_RESTORE', says: 'a wait of at least 16 slots' },
      ],
      [start('e', { key: at('text.key') }), { code: 'CORE_KEY_FILE', says: at('text.key') }],
    ]);
    expect(existsSync(at('moved', 'node.key.record'))).toBe(false);
  }, 120_000);

  it('a genesis of another network, or one that is cut off, is refused', async () => {
    const other = at('other-genesis');
    expect((await run(['genesis', 'new', '--source', node.publicFile, '--out', other])).exitCode).toBe(0);
    writeFileSync(at('short-genesis'), readFileSync(network.genesisFile).subarray(0, 100));
    await expectAllRefused([
      [
        start('f', { 'data-dir': node.dataDir, genesis: other }),
        { code: 'NODE_DATA_DIR', says: 'belongs to another network' },
      ],
      [start('not-made', { genesis: at('short-genesis') }), { code: 'LEDGER_GENESIS', says: at('short-genesis') }],
    ]);
    expect(existsSync(at('not-made'))).toBe(false);
  }, 120_000);

  it('a folder that is a file, or holds a file where a folder or a whole file should be, is refused', async () => {
    writeFileSync(at('file'), '');
    mkdirSync(at('odd'));
    writeFileSync(at('odd', 'chain'), '');
    mkdirSync(at('seed'));
    writeFileSync(at('seed', 'peer.seed'), 'short');
    await expectAllRefused([
      [start('file'), { code: 'NODE_DATA_DIR', says: 'it is a file' }],
      [start('odd'), { code: 'LEDGER_STORE_UNWRITABLE', says: at('odd', 'chain') }],
      [start('seed'), { code: 'NODE_FILE_UNREADABLE', says: 'peer.seed' }],
      [['verify', '--data-dir', at('nothing')], { code: 'NODE_FILE_UNREADABLE', says: 'no such file' }],
    ]);
  }, 120_000);

  it('wrong flags are wrong usage, exit code 2, and a wrong number is named', async () => {
    const usage = (says: string) => ({ code: 'USAGE', says, exitCode: 2 });
    const make = (...flags: string[]) => ['genesis', 'new', '--source', node.publicFile, '--out', at('g'), ...flags];
    await expectAllRefused([
      [['start', '--colour', 'red'], usage('unknown option')],
      [start('g1', { api: '127.0.0.1' }), usage('expected HOST:PORT')],
      [start('g2', { api: '0.0.0.0:0' }), usage('plain http is for loopback only')],
      [start('g3', { peers: 'b.example:4001' }), { code: 'P2P_CONFIG', says: 'b.example:4001' }],
      [make('--slot-ms', '1'), { code: 'LEDGER_GENESIS', says: 'slotMs must be 100 to' }],
      [make('--weight', 'many'), usage('expected a whole number')],
      [make('--policy', 'square-root'), usage('expected open, capped, accredited')],
      [make('--payer', '00'), { code: 'CORE_HEX', says: 'hex digits' }],
    ]);
    expect(existsSync(at('g'))).toBe(false);
    const again = ['genesis', 'new', '--source', node.publicFile, '--out', network.genesisFile];
    await expectRefused(again, { code: 'NODE_FILE_EXISTS', says: 'not overwritten' });
  }, 120_000);

  it('without --json the same is one plain sentence with its code', async () => {
    const { exitCode, stdout, stderr } = await run(['verify', '--data-dir', at('nothing')]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toMatch(/^\S+genesis can't be read: there is no such file or folder \(NODE_FILE_UNREADABLE\)\n$/);
  });
});
