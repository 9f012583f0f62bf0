/** docs/protocol-state.md shows bytes; these are the values that they must be of. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parsePublicKey, sha256, toHex, u64be, utf8 } from '@radpass/core';
import { auditRootTable } from '../dist/audit.js';
import { silenceTable } from '../dist/consensus/dormancy.js';
import { dueSlotTable, votersEpochTable, votersTable } from '../dist/openDuties.js';
import { blockSlotsTable } from '../dist/openEpochs.js';
import { epochOffencesTable } from '../dist/openOffences.js';
import { stakeMemoryTable, stakeTotalTable } from '../dist/stakeSnapshot.js';
import { proveState, verifyStateProof } from '../dist/stateProof.js';
import { emptyState, leafKey, StateLayer } from '../dist/stateView.js';
import {
  accreditationTable,
  addSource,
  addToTotal,
  consentTable,
  floorTable,
  fullEpochsTable,
  jailTable,
  namedTable,
  nodeKeyTable,
  offenceTable,
  quotaTable,
  standingGrantsTable,
  studyTable,
  tables,
  vetoTable,
} from '../dist/tables.js';

const text = readFileSync(new URL('../../../docs/protocol-state.md', import.meta.url), 'utf8');
const key = (byte: number) => parsePublicKey(new Uint8Array(32).fill(byte));
const [source, node, patient, heir, requester, payer] = [0x11, 0x22, 0x33, 0x44, 0x55, 0x66].map(key) as [
  ReturnType<typeof key>,
  ReturnType<typeof key>,
  ReturnType<typeof key>,
  ReturnType<typeof key>,
  ReturnType<typeof key>,
  ReturnType<typeof key>,
];
const study = new Uint8Array(32).fill(0xaa);
const contentId = new Uint8Array(32).fill(0xcc);
const nothing = new Uint8Array();
const seq = 1_800_000_000_000;

const layer = new StateLayer(emptyState);
addSource(layer, source, {
  seq,
  url: 'https://h.example/iti43',
  nodeKey: node,
  tlsPins: [],
  standingKey: source,
  nextKeyHash: nothing,
  definedSlot: 7,
  studyCount: 1,
  hadWeight: true,
});
studyTable.set(
  layer,
  {
    owner: patient,
    ownerSinceSlot: 9,
    generation: 0,
    withdrawn: false,
    pendingOwner: heir,
    effectSlot: 302_409,
    reassignId: contentId,
  },
  source,
  study,
);
consentTable.set(
  layer,
  { type: 3, seq, notAfter: 0, receiptHash: nothing, contentId },
  source,
  study,
  patient,
  requester,
);
floorTable.set(layer, { seq, contentId }, source, study, patient);
namedTable.set(layer, 1, source, study, heir);
vetoTable.set(layer, patient, source, study, contentId);
nodeKeyTable.set(layer, source, node);
quotaTable.set(layer, [24, 3], Uint8Array.of(5), source);
addToTotal(layer, 'studies', 1);
accreditationTable.set(layer, { seq, until: seq + 1, maxStudies: 500, contentId }, payer, source);
standingGrantsTable.set(layer, { seqs: [seq], beyond: 0 }, source, study, patient);
fullEpochsTable.set(layer, [23, 24]);
offenceTable.set(layer, 21_700, Uint8Array.of(2), source, u64be(21_691));
const votersId = new Uint8Array(32).fill(0x77);
const bits = (byte: number) => Uint8Array.of(byte);
silenceTable.set(layer, [7, 3], bits(0), source);
dueSlotTable.set(layer, { votersId, onTime: bits(1), late: nothing }, bits(1), u64be(9));
votersTable.set(layer, [[source, 1]], bits(2), votersId);
votersEpochTable.set(layer, 1, bits(3), votersId);
auditRootTable.set(layer, { root: new Uint8Array(32).fill(0x88), count: 4 }, bits(0), u64be(7));
epochOffencesTable.set(layer, [[source, 0, 2, 0, 0]], bits(2), u64be(8));
blockSlotsTable.set(layer, bits(0xfe), bits(1), u64be(8));
jailTable.set(layer, 744, source);
stakeMemoryTable.set(layer, [37_500], source);
stakeTotalTable.set(layer, 90_000_000);

const hexOfKey = (name: string) => toHex(Uint8Array.from(name, character => character.charCodeAt(0)));

describe('docs/protocol-state.md', () => {
  const leaves = [...layer.changes].filter(([name]) => name.startsWith('L'));

  it.each(leaves.map(([name, value]) => [name.charCodeAt(1), name, value] as const))(
    'shows the value of table %i',
    (_table, name, value) => {
      expect(text).toContain(`${hexOfKey(name.slice(1))} -> ${toHex(value!)}`);
    },
  );

  it('names every table', () => {
    const rows = new Map(
      [...text.matchAll(/^\| (\d+) +\| (\w+) +\|/gm)].map(([, number, name]) => [name, Number(number)]),
    );
    for (const [name, number] of Object.entries(tables)) expect([name, rows.get(name)]).toEqual([name, number]);
  });

  it('shows a state of two values, its root and its proofs', () => {
    const two = new StateLayer(emptyState);
    const totals = ['sources', 'studies'].map(name => ({ name: utf8(name), value: Uint8Array.of(0x91, 1) }));
    for (const { name, value } of totals) two.set(leafKey(tables.totals, name), value);
    const root = two.commitRoot();
    expect(text).toContain(`root ${toHex(root)}`);
    const [first] = totals;
    const at = { root, table: tables.totals };
    const present = proveState(two, tables.totals, first!.name);
    expect(text).toContain(`presence ${toHex(present)}`);
    expect(verifyStateProof({ ...at, tableKey: first!.name, value: first!.value, proof: present })).toBe(true);
    const absent = proveState(two, tables.totals, utf8('grants'));
    expect(text).toContain(`absence ${toHex(absent)}`);
    expect(verifyStateProof({ ...at, tableKey: utf8('grants'), value: null, proof: absent })).toBe(true);
    for (const { name } of totals) expect(text).toContain(toHex(sha256(Uint8Array.of(tables.totals), name)));
  });
});
