import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { root } from '../dist/workspace.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'radpass-commands-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Run a program of the repository; no output of it may hold a stack trace. */
function run(name: string, args: string[]): { code: number | null; out: string; err: string } {
  const program = join(root, 'apps', name, 'bin', `radpass-${name}.js`);
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 30_000,
  });
  expect(`${stdout}${stderr}`).not.toMatch(/\n\s+at .*\(?file:|node:internal/);
  return { code: status, out: stdout, err: stderr };
}

const errorOf = (err: string): { code: string; message: string } =>
  JSON.parse(err.trim().split('\n').at(-1) ?? '').error;

describe.each(['node', 'gateway', 'requester', 'wallet', 'sim'])('radpass-%s', name => {
  it('says what it does with --help and which version it is', () => {
    const help = run(name, ['--help']);
    expect(help.code).toBe(0);
    expect(help.out).toContain(`Usage: radpass-${name}`);
    expect(run(name, ['--version'])).toMatchObject({ code: 0, out: '0.1.0\n' });
  });

  it('exits with 2 on an unknown command or flag, with a sentence or one object', () => {
    expect(run(name, ['no-such-command'])).toMatchObject({ code: 2 });
    const wrong = run(name, ['--json', '--no-such-flag']);
    expect(wrong.code).toBe(2);
    expect(errorOf(wrong.err)).toMatchObject({ code: 'USAGE' });
  });
});

describe('wrong input', () => {
  it('of the gateway: a configuration field that is unknown is named', () => {
    const file = join(folder, 'gateway.json');
    writeFileSync(file, JSON.stringify({ url: 'https://h.example/r', colour: 'red' }));
    const answer = run('gateway', ['--config', file, '--json', 'start']);
    expect(answer.code).toBe(2);
    expect(errorOf(answer.err).message).toMatch(/configuration field/);
    expect(run('gateway', ['--config', join(folder, 'none'), 'start'])).toMatchObject({ code: 2 });
  });

  it('of the node: a genesis or key that cannot be read, an address that is none', () => {
    const answer = run('node', [
      '--json',
      'start',
      '--data-dir',
      join(folder, 'data'),
      '--genesis',
      join(folder, 'none'),
    ]);
    expect(answer.code).toBe(1);
    expect(errorOf(answer.err).code).toBe('NODE_FILE_UNREADABLE');
    const url = run('node', [
      '--json',
      'key',
      'new',
      '--out',
      join(folder, 'keys'),
      '--url',
      'http://plain.example',
      '--insecure-plain-key',
    ]);
    expect(url.code).toBe(1);
    expect(errorOf(url.err).code).toBe('CORE_URL');
  });

  it('of the wallet and the requester: no node, a card that is none, a number that is none', () => {
    const plain = ['--json', '--insecure-plain-key', '--home', join(folder, 'home')];
    expect(run('wallet', [...plain, 'list'])).toMatchObject({ code: 2 });
    const away = run('wallet', [...plain, '--node', 'http://127.0.0.1:9', 'list']);
    expect(away.code).toBe(1);
    expect(errorOf(away.err).code).toBe('CLIENT_UNREACHABLE');
    expect(
      run('wallet', [...plain, '--node', 'http://127.0.0.1:9', 'allow', '--study', 'x', '--to', 'y']),
    ).toMatchObject({ code: 2 });
    expect(run('requester', [...plain, '--node', 'http://127.0.0.1:9', 'retrieve', '--out', folder])).toMatchObject({
      code: 2,
    });
  });

  it('of the simulator: a scenario, seeds or a kept seed that are none', () => {
    for (const args of [
      ['run', 'peace'],
      ['run'],
      ['run', 'healthy', '--seeds', '9..1'],
      ['run', '--replay', 'none'],
    ]) {
      const answer = run('sim', ['--json', ...args]);
      expect([args, answer.code, errorOf(answer.err).code]).toEqual([args, 2, 'USAGE']);
    }
    const { scenarios } = JSON.parse(run('sim', ['--json', 'list']).out);
    expect(scenarios.map((scenario: { name: string }) => scenario.name)).toEqual(
      expect.arrayContaining(['healthy', 'offline', 'partition', 'adversary', 'double-vote', 'ex-ante', 'equivocator']),
    );
  });

  it('does not overwrite keys', () => {
    const args = [
      'key',
      'new',
      '--out',
      join(folder, 'own'),
      '--url',
      'https://h.example/r',
      '--insecure-plain-key',
      '--json',
    ];
    expect(run('node', args).code).toBe(0);
    const again = run('node', args);
    expect(again.code).toBe(1);
    expect(errorOf(again.err).code).toBe('CORE_KEY_FILE');
  });
});
