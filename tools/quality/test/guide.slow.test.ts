/**
 * The administrator's guide does what it says: its blocks run as they stand, with a real node, gateway, nginx, rsyslog,
 * wallet and requester. Afterwards nothing of the patient is found where nothing of a patient may be.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { writePhantomStudy } from '@radpass/imaging';
import { runGuide } from '../../guide.mjs';
import { needs } from '../../needs.mjs';
import { freePort } from '../../rsyslog.mjs';
import { root } from '../dist/workspace.js';

const both: typeof describe = needs('nginx', needs('rsyslog', describe) as typeof describe) as typeof describe;

both('docs/administrator.md', () => {
  const folder = mkdtempSync(join(tmpdir(), 'radpass-guide-'));
  const file = (name: string): string => join(folder, name);
  let ran: Awaited<ReturnType<typeof runGuide>>;
  let canaries: string[];

  beforeAll(async () => {
    const { studyInstanceUID, accessionNumber } = await writePhantomStudy(file('images'), { slices: 3, size: 32 });
    const header = readFileSync(join(file('images'), readdirSync(file('images'))[0]!), 'latin1');
    const uids = [...header.matchAll(/2\.25\.\d{20,}/g)].map(match => match[0]);
    canaries = [...new Set([studyInstanceUID, accessionNumber, ...uids, 'Phantom^', 'Head phantom'])];
    const [PORT, NODE_PORT, GATEWAY_PORT, DESK_PORT, AUDIT_PORT] = await Promise.all(
      Array.from({ length: 5 }, async () => String(await freePort())),
    );
    const ports = { PORT, NODE_PORT, GATEWAY_PORT, DESK_PORT, AUDIT_PORT } as Record<string, string>;
    const names = { URL: `https://localhost:${PORT}/radpass`, HOST: 'localhost' };
    ran = await runGuide(join(root, 'docs', 'administrator.md'), folder, { ...ports, ...names });
  }, 900_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('runs from the first block to the last', () => {
    if (ran.code !== 0) throw new Error(`block ${ran.begun} of ${ran.blocks} failed:\n${ran.output.slice(-3_000)}`);
    expect(ran.begun).toBe(ran.blocks);
    expect(readdirSync(file('received-again'))).toHaveLength(1);
    expect(readFileSync(file('accounting.csv'), 'utf8')).toContain('authorization of the individual');
  });

  it('leaves nothing of the patient in logs, the ledger, audit messages and refusals', () => {
    const looked = ['node.log', 'gateway.log', 'audit.log', 'nginx.log', 'refused', 'node-data'].flatMap(name =>
      filesIn(file(name)),
    );
    expect(looked.length).toBeGreaterThan(8);
    const found = looked.flatMap(path => {
      const text = readFileSync(path, 'latin1');
      return canaries.filter(canary => text.includes(canary)).map(canary => `${canary} in ${path}`);
    });
    expect(found).toEqual([]);
    // The search finds what is there: the study that was received.
    const received = filesIn(file('received')).map(path => readFileSync(path, 'latin1'));
    for (const canary of canaries) expect(received.some(text => text.includes(canary))).toBe(true);
  });
});

needs('orthanc', describe)('docs/pacs-orthanc.md', () => {
  it('runs from the first block to the last', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'radpass-guide-orthanc-'));
    const ran = await runGuide(join(root, 'docs', 'pacs-orthanc.md'), folder);
    if (ran.code !== 0) throw new Error(`block ${ran.begun} of ${ran.blocks} failed:\n${ran.output.slice(-3_000)}`);
    expect(ran.begun).toBe(ran.blocks);
    expect(ran.output).toContain('"Version"');
    rmSync(folder, { recursive: true, force: true });
  }, 120_000);
});

function filesIn(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name));
}
