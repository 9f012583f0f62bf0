/**
 * The demo must notice. A gateway whose compiled access decision lacks one check runs the same walk: the demo has to
 * end with exit code 1 and name the attempt that was served.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from '@jest/globals';
import { startDemo } from './demoProcess.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const temporary = mkdtempSync(join(tmpdir(), 'radpass-mutants-'));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

interface Change {
  /** Below packages/xds. */
  file: string;
  from: string;
  to: string;
}

/** Copy what a package ships; its dependencies are links to what it has, but for those that are replaced. */
function copyPackage(from: string, to: string, replaced: Record<string, string>): void {
  for (const part of ['package.json', 'dist', 'bin', 'help.txt']) {
    if (existsSync(join(from, part))) cpSync(join(from, part), join(to, part), { recursive: true });
  }
  const linked = (name: string): void => {
    const target = replaced[name] ?? join(from, 'node_modules', name);
    mkdirSync(dirname(join(to, 'node_modules', name)), { recursive: true });
    symlinkSync(target, join(to, 'node_modules', name), 'junction');
  };
  for (const name of readdirSync(join(from, 'node_modules'))) {
    if (name.startsWith('.')) continue;
    if (!name.startsWith('@')) linked(name);
    else for (const inner of readdirSync(join(from, 'node_modules', name))) linked(`${name}/${inner}`);
  }
}

/** A copy of the demo whose gateway runs a changed @radpass/xds. @returns its main file */
function demoWith(name: string, changes: readonly Change[]): string {
  const at = (part: string): string => join(temporary, name, part);
  copyPackage(join(root, 'packages', 'xds'), at('xds'), {});
  for (const { file, from, to } of changes) {
    const text = readFileSync(join(at('xds'), file), 'utf8');
    expect(text.split(from)).toHaveLength(2);
    writeFileSync(
      join(at('xds'), file),
      text.replace(from, () => to),
    );
  }
  copyPackage(join(root, 'apps', 'gateway'), at('gateway'), { '@radpass/xds': at('xds') });
  copyPackage(join(root, 'examples', 'figure-3'), at('figure-3'), { '@radpass/gateway': at('gateway') });
  return join(at('figure-3'), 'dist', 'main.js');
}

const decide = 'dist/decide.js';
const mutants: { name: string; check: string; changes: Change[] }[] = [
  {
    name: 'stranger',
    check: 'grant check',
    changes: [
      { file: decide, from: "[grant !== null || revokedSeq > 0, 'no-grant']", to: "[true, 'no-grant']" },
      { file: decide, from: 'grant !== null && isTime(grantSeq)', to: 'isTime(grantSeq)' },
      { file: decide, from: 'revokedSeq < grantSeq', to: 'revokedSeq <= grantSeq' },
      { file: decide, from: 'ledger.study === null || ledger.grant === null', to: 'ledger.study === null' },
      { file: decide, from: 'grantSeq: ledger.grant.seq', to: 'grantSeq: ledger.grant?.seq ?? 0' },
    ],
  },
  {
    name: 'replay',
    check: 'replay guard',
    changes: [
      {
        file: 'dist/server.js',
        from: 'await init.replay.has(request.signer, request.messageId)',
        to: 'false',
      },
      { file: 'dist/server.js', from: "if (inserted === 'seen')", to: 'if (false)' },
    ],
  },
  {
    name: 'revoked',
    check: 'revocation check',
    changes: [{ file: decide, from: 'revokedSeq < grantSeq', to: 'true' }],
  },
];

describe('the demo fails', () => {
  for (const { name, check, changes } of mutants) {
    it(`when the ${check} is taken out`, async () => {
      const { code, stdout, stderr } = await startDemo(['--once', '--json'], demoWith(name, changes)).ended;
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      const { error } = JSON.parse(stderr.trim().split('\n').at(-1) ?? '') as {
        error: { code: string; detail: { step: string; got: string } };
      };
      expect(error.code).toBe('DEMO_EXPECTATION');
      expect(error.detail.step).toBe(name);
      expect(error.detail.got).toMatch(/^the study, [1-9]\d* bytes$/);
    }, 120_000);
  }
});
