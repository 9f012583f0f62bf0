/**
 * Faults that must be noticed. Each is a piece of source text, what takes its place, and the test file that has to fail
 * (`title`: a regular expression on the names of its tests, where the whole file takes long).
 */
const ledger = 'packages/ledger';
const xds = 'packages/xds';

export const mutants = [
  // What was promised is on disk
  {
    name: 'skip-fsync-of-store',
    file: `${ledger}/src/level/levelStore.ts`,
    find: 'this.#level.batch(operations, { sync: true })',
    replace: 'this.#level.batch(operations, { sync: false })',
    test: `${ledger}/test/store/synced.test.ts`,
  },
  {
    name: 'skip-fsync-of-signing-record',
    file: `${ledger}/src/level/signingRecord.ts`,
    find: '    await file.sync();\n',
    replace: '',
    test: `${ledger}/test/store/synced.test.ts`,
  },
  {
    name: 'read-without-checksum',
    file: `${ledger}/src/level/levelStore.ts`,
    find: 'if (stated !== crc32(value, crc32(key)))',
    replace: 'if (length < 0 && stated !== crc32(value, crc32(key)))',
    test: `${ledger}/test/store/store.test.ts`,
  },
  // A key never contradicts itself
  {
    name: 'vote-source-may-decrease',
    file: `${ledger}/src/level/signingRecord.ts`,
    find: 'sourceSlot < marks.sourceSlot && (eraDepth === marks.eraDepth || isRestored(marks))',
    replace: 'false',
    test: `${ledger}/test/store/signingRecord.test.ts`,
  },
  {
    name: 'vote-target-may-repeat',
    file: `${ledger}/src/level/signingRecord.ts`,
    find: 'targetSlot <= marks.targetSlot',
    replace: 'targetSlot < marks.targetSlot',
    test: `${ledger}/test/store/signingRecord.test.ts`,
  },
  {
    name: 'two-blocks-of-a-slot',
    file: `${ledger}/src/level/signingRecord.ts`,
    find: 'if (!again && slot <= marks.blockSlot)',
    replace: 'if (!again && slot < marks.blockSlot)',
    test: `${ledger}/test/store/signingRecord.test.ts`,
  },
  {
    name: 'restored-key-votes-from-anywhere',
    file: `${ledger}/src/level/signingRecord.ts`,
    find: '(eraDepth === marks.eraDepth || isRestored(marks))',
    replace: 'eraDepth === marks.eraDepth',
    test: `${ledger}/test/store/signingRecord.test.ts`,
  },
  // Nobody is accused who did not sign, and who did is accused once
  {
    name: 'accuse-without-the-second-signature',
    file: `${ledger}/src/consensus/evidence.ts`,
    find: '!isSigned(first, firstSignature) || !isSigned(second, secondSignature)',
    replace: '!isSigned(first, firstSignature) || (first.length === 0 && !isSigned(second, secondSignature))',
    test: `${ledger}/test/consensus/evidence.test.ts`,
  },
  {
    name: 'jail-again-for-the-same-offence',
    file: `${ledger}/src/offences.ts`,
    find: "if (recordedIn(state, offence) !== undefined || p.isHeld?.(offence)) throw evidenceFault('known');",
    replace: "if (p.isHeld?.(offence)) throw evidenceFault('known');",
    test: `${ledger}/test/consensus/evidence.test.ts`,
  },
  {
    name: 'surround-of-any-two-votes',
    file: `${ledger}/src/consensus/evidence.ts`,
    find: 'inner.targetSlot < outer.targetSlot',
    replace: 'inner.targetSlot <= outer.targetSlot',
    test: `${ledger}/test/consensus/evidence.test.ts`,
  },
  {
    name: 'accuse-by-a-header-that-another-signed',
    file: `${ledger}/src/invalidBlock.ts`,
    find: "!verify(p.verifier, block.signature, 'block', genesis.chainId, block.id, leader.nodeKey)",
    replace:
      "block.signature.length === 0 && !verify(p.verifier, block.signature, 'block', genesis.chainId, block.id, leader.nodeKey)",
    test: `${ledger}/test/consensus/evidence.test.ts`,
  },
  {
    name: 'judge-an-accused-block-on-the-newest-state',
    file: `${ledger}/src/undoneState.ts`,
    find: 'undone ??= undo();',
    replace: 'undone ??= p.height < 0 ? undo() : new Map();',
    test: `${ledger}/test/chain/evidence.test.ts`,
  },
  {
    name: 'forget-evidence-at-a-stop',
    file: `${ledger}/src/evidencePool.ts`,
    find: '    this.#p.write([key, record]);\n',
    replace: '',
    test: `${ledger}/test/chain/evidence.test.ts`,
  },
  // Consent
  {
    name: 'accept-reused-seq',
    file: `${ledger}/src/consentOrder.ts`,
    find: 'export function consentBeats(next: ConsentEntry, standing: ConsentEntry | undefined): boolean {\n  if (!standing) return true;\n  if (next.seq !== standing.seq) return next.seq > standing.seq;',
    replace:
      'export function consentBeats(next: ConsentEntry, standing: ConsentEntry | undefined): boolean {\n  if (!standing) return true;\n  if (next.seq >= standing.seq) return true;',
    test: `${ledger}/test/transitions/consent.test.ts`,
  },
  {
    name: 'forget-revocation-tie-rule',
    file: `${ledger}/src/consentOrder.ts`,
    find: '  if (next.type !== standing.type) return next.type > standing.type;\n',
    replace: '',
    test: `${ledger}/test/transitions/consent.test.ts`,
  },
  {
    name: 'stranger-may-speak-for-a-study',
    file: `${ledger}/src/transitions/allowAccess.ts`,
    find: '  checkNamed(layer, tuple);\n',
    replace: '  if (seq < 0) checkNamed(layer, tuple);\n',
    test: `${ledger}/test/transitions/consent.test.ts`,
  },
  {
    name: 'old-owner-keeps-study-after-reassignment',
    file: `${ledger}/src/transitions/reassignStudy.ts`,
    find: 'if (!equalBytes(study.owner, previousPatientKey))',
    replace: 'if (study.pendingOwner && !equalBytes(study.owner, previousPatientKey))',
    test: `${ledger}/test/transitions/reassignment.test.ts`,
  },
  {
    name: 'forget-the-veto',
    file: `${ledger}/src/transitions/keepStudy.ts`,
    find: '  vetoTable.set(layer, patientKey, sourceKey, studyHash, reassignId);\n',
    replace: '',
    test: `${ledger}/test/transitions/reassignment.test.ts`,
  },
  // Stake and quotas
  {
    name: 'count-a-study-twice',
    file: `${ledger}/src/transitions/defineStudy.ts`,
    find: 'studyCount: source.studyCount + 1',
    replace: 'studyCount: source.studyCount + 2',
    test: `${ledger}/test/transitions/study.test.ts`,
  },
  {
    name: 'withdrawn-study-keeps-its-stake',
    file: `${ledger}/src/transitions/withdrawStudy.ts`,
    find: 'studyCount: source.studyCount - 1',
    replace: 'studyCount: source.studyCount',
    test: `${ledger}/test/transitions/study.test.ts`,
  },
  {
    name: 'update-bypasses-its-quota',
    file: `${ledger}/src/transitions/defineSource.ts`,
    find: '  spendSourceUpdate(layer, ctx, { sourceKey, standing });\n',
    replace: '  if (ctx.epoch < 0) spendSourceUpdate(layer, ctx, { sourceKey, standing });\n',
    test: `${ledger}/test/quotas.test.ts`,
  },
  {
    name: 'second-owner-wins',
    file: `${ledger}/src/transitions/defineStudy.ts`,
    find: "  if (standing) refuse({ code: 'LEDGER_TX_STUDY_OWNED' }, 'the study has an owner');\n",
    replace: '',
    test: `${ledger}/test/transitions/study.test.ts`,
  },
  {
    name: 'free-revocations-below-the-floor',
    file: `${ledger}/src/transitions/revokeAccess.ts`,
    find: 'standing?.type === grantType && standing.seq > floorSeq',
    replace: 'standing?.type === grantType',
    test: `${ledger}/test/quotas.test.ts`,
  },
  // Consensus
  {
    name: 'drop-the-view-freeze',
    file: `${ledger}/src/voting.ts`,
    find: 'node.arrival <= frozen.arrivals || ',
    replace: 'node.arrival >= 0 || ',
    test: `${ledger}/test/chain/voting.test.ts`,
  },
  {
    name: 'two-thirds-are-enough',
    file: `${ledger}/src/consensus/finality.ts`,
    find: '3n * BigInt(weight) > 2n * BigInt(total)',
    replace: '3n * BigInt(weight) >= 2n * BigInt(total)',
    test: `${ledger}/test/consensus/finality.test.ts`,
  },
  {
    name: 'any-link-makes-final',
    file: `${ledger}/src/consensus/finality.ts`,
    find: 'return link.targetSlot === link.sourceSlot + 1;',
    replace: 'return link.targetSlot > link.sourceSlot;',
    test: `${ledger}/test/consensus/finality.test.ts`,
  },
  {
    name: 'highest-branch-before-justified',
    file: `${ledger}/src/consensus/forkChoice.ts`,
    find: ' && isAncestor(tree, justifiedId, leaf.id)',
    replace: '',
    test: `${ledger}/test/consensus/forkChoice.test.ts`,
  },
  // Serving
  {
    name: 'serve-what-was-revoked',
    file: `${xds}/src/decide.ts`,
    find: 'revokedSeq < grantSeq',
    replace: 'revokedSeq <= grantSeq',
    test: `${xds}/test/decide.test.ts`,
  },
  {
    name: 'serve-from-a-stale-view',
    file: `${xds}/src/decide.ts`,
    find: "  if (!(age <= policy.maxStalenessMs)) return 'ledger-stale';\n",
    replace: '',
    test: `${xds}/test/decide.test.ts`,
  },
  {
    name: 'replay-is-no-replay',
    file: `${xds}/src/replayGuard.ts`,
    find: "    if (messages.has(messageId)) return 'seen';\n",
    replace: '',
    test: `${xds}/test/server.test.ts`,
  },
  {
    name: 'signature-covers-less',
    file: 'packages/core/src/domain.ts',
    find: 'return concatBytes(prefix, chainId, message);',
    replace: 'return concatBytes(prefix, message);',
    test: 'packages/core/test/keys.test.ts',
  },
  {
    name: 'anybody-signs-under-small-order-keys',
    file: 'packages/core/src/keys.ts',
    find: 'smallOrderY.some(weak => equalBytes(weak, y))',
    replace: 'smallOrderY.every(weak => equalBytes(weak, y))',
    test: 'packages/core/test/keys.test.ts',
  },
];
