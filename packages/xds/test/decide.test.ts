import { describe, expect, it } from '@jest/globals';
import type { AccessFacts } from '@radpass/core';
import { publicKeyHex, SecretKey, sha256, toHex, utf8 } from '@radpass/core';
import { type DecisionFacts, decide, defaultPolicy, type RefusalReason, Serve } from '../dist/decide.js';

const now = 1_800_000_000_000;
const source = SecretKey.fromSeed(sha256(utf8('source'))).publicKey;
const stranger = SecretKey.fromSeed(sha256(utf8('stranger'))).publicKey;
const patient = SecretKey.fromSeed(sha256(utf8('patient'))).publicKey;
const requester = SecretKey.fromSeed(sha256(utf8('requester'))).publicKey;
const chainId = sha256(utf8('chain'));
const url = 'https://gateway.example/xds';
const studyHash = sha256(utf8('study'));
const grantSeq = 1_700_000_000_000;

/** One value of a dimension: what it does to the facts, and the reason it gives when everything before it is fine. */
interface Value {
  name: string;
  apply(facts: DecisionFacts): void;
  refuses?: RefusalReason;
}
const ok = (name = 'fine'): Value => ({ name, apply: () => undefined });
const refusing = (refuses: RefusalReason, name: string, apply: (facts: DecisionFacts) => void): Value => ({
  name,
  apply,
  refuses,
});
const fine = (name: string, apply: (facts: DecisionFacts) => void): Value => ({ name, apply });

function base(): DecisionFacts {
  const document = { repositoryUniqueId: publicKeyHex(source), documentUniqueId: toHex(studyHash) };
  const ledger: AccessFacts = {
    chainId,
    checkpoint: { slot: 10, blockId: sha256(utf8('block')), timeMs: now - 6_000 },
    source: { standingKey: source, url, seq: 1 },
    study: { owner: patient, ownerSinceSlot: 3, generation: 0, withdrawn: false },
    grant: { seq: grantSeq, notAfter: 0, receiptHash: new Uint8Array(), contentId: sha256(utf8('grant')) },
    revokedSeq: 0,
    proof: utf8('proof'),
  };
  return {
    request: {
      signer: requester,
      messageId: 'urn:uuid:1',
      action: 'urn:ihe:iti:2007:RetrieveDocumentSet',
      to: url,
      created: now - 1_000,
      expires: now + 299_000,
      documents: [document],
      digest: sha256(utf8('envelope')),
    },
    document,
    receivedAt: now,
    now,
    own: { sourceKey: source, signingKey: source, url, chainId },
    ledger,
    view: { lastEventAt: now - 2_000, clockSteppedBack: false },
    locallyRevokedSeq: 0,
    rate: { allowed: true },
    policy: { ...defaultPolicy },
  };
}

const withLedger = (change: (ledger: AccessFacts) => void) => (facts: DecisionFacts) => {
  if (facts.ledger !== null) change(facts.ledger);
};

/** In the order in which `decide` asks; within a dimension the values exclude each other. */
const dimensions: Value[][] = [
  [
    ok(),
    refusing('to', 'another address', f => {
      f.request.to = `${url}/`;
    }),
  ],
  [
    ok(),
    refusing('repository', 'another source', f => {
      f.document.repositoryUniqueId = publicKeyHex(stranger);
    }),
  ],
  [
    ok(),
    fine('lives 5 min', f => {
      f.request.expires = f.request.created + 300_000;
    }),
    fine('created 60 s ahead', f => {
      f.request.created = now + 60_000;
      f.request.expires = now + 61_000;
    }),
    fine('expired 1 ms short of 60 s', f => {
      f.request.expires = now - 59_999;
      f.request.created = now - 99_999;
    }),
    refusing('expired-message', 'lives 1 ms longer', f => {
      f.request.expires = f.request.created + 300_001;
    }),
    refusing('expired-message', 'created too far ahead', f => {
      f.request.created = now + 60_001;
      f.request.expires = now + 70_000;
    }),
    refusing('expired-message', 'expired 60 s ago', f => {
      f.request.created = now - 99_999;
      f.request.expires = now - 60_000;
    }),
  ],
  [
    ok(),
    refusing('ledger-unreachable', 'no answer', f => {
      f.ledger = null;
    }),
    refusing(
      'ledger-unreachable',
      'another chain',
      withLedger(l => {
        l.chainId = sha256(utf8('other'));
      }),
    ),
  ],
  [
    fine('silent for 10 s', f => {
      f.view.lastEventAt = now - 10_000;
    }),
    refusing('ledger-unreachable', 'silent for longer', f => {
      f.view.lastEventAt = now - 10_001;
    }),
    refusing('ledger-unreachable', 'never spoke', f => {
      f.view.lastEventAt = Number.NEGATIVE_INFINITY;
    }),
  ],
  [
    ok(),
    refusing('clock-stepped', 'clock went back', f => {
      f.view.clockSteppedBack = true;
    }),
  ],
  [
    fine(
      'checkpoint 60 s old',
      withLedger(l => {
        l.checkpoint.timeMs = now - 60_000;
      }),
    ),
    fine(
      'checkpoint 5 s ahead',
      withLedger(l => {
        l.checkpoint.timeMs = now + 5_000;
      }),
    ),
    refusing(
      'ledger-future',
      'checkpoint further ahead',
      withLedger(l => {
        l.checkpoint.timeMs = now + 5_001;
      }),
    ),
    refusing(
      'ledger-stale',
      'checkpoint older',
      withLedger(l => {
        l.checkpoint.timeMs = now - 60_001;
      }),
    ),
  ],
  [
    ok(),
    refusing(
      'source-closed',
      'never defined',
      withLedger(l => {
        l.source = null;
      }),
    ),
    refusing(
      'source-closed',
      'closed',
      withLedger(l => {
        l.source = { standingKey: source, url: '', seq: 2 };
      }),
    ),
    refusing(
      'source-rotated',
      'rotated',
      withLedger(l => {
        l.source = { standingKey: stranger, url, seq: 2 };
      }),
    ),
  ],
  [
    ok(),
    refusing('rate', 'too often', f => {
      f.rate.allowed = false;
    }),
  ],
  [
    ok(),
    refusing(
      'not-published',
      'unknown study',
      withLedger(l => {
        l.study = null;
      }),
    ),
    refusing('not-published', 'no studyHash', f => {
      f.document.documentUniqueId = '1.2.3';
    }),
  ],
  [
    ok(),
    refusing(
      'withdrawn',
      'withdrawn',
      withLedger(l => {
        if (l.study !== null) l.study.withdrawn = true;
      }),
    ),
  ],
  [
    ok(),
    refusing(
      'no-grant',
      'no grant',
      withLedger(l => {
        l.grant = null;
      }),
    ),
  ],
  [
    ok(),
    fine(
      'notAfter is now',
      withLedger(l => {
        if (l.grant !== null) l.grant.notAfter = now;
      }),
    ),
    refusing(
      'grant-expired',
      'expired',
      withLedger(l => {
        if (l.grant !== null) l.grant.notAfter = now - 1;
      }),
    ),
  ],
  [
    ok(),
    fine(
      'revoked before',
      withLedger(l => {
        l.revokedSeq = grantSeq - 1;
      }),
    ),
    refusing(
      'revoked',
      'revoked with the same seq',
      withLedger(l => {
        l.revokedSeq = grantSeq;
      }),
    ),
    refusing(
      'revoked',
      'revoked later',
      withLedger(l => {
        l.revokedSeq = grantSeq + 1;
      }),
    ),
  ],
  [
    ok(),
    fine('revoked here before', f => {
      f.locallyRevokedSeq = grantSeq - 1;
    }),
    refusing('revoked', 'revoked here with the same seq', f => {
      f.locallyRevokedSeq = grantSeq;
    }),
    refusing('revoked', 'revoked here later', f => {
      f.locallyRevokedSeq = grantSeq + 1;
    }),
  ],
];

function rowOf(choice: readonly Value[]): DecisionFacts {
  const facts = base();
  for (const value of choice) value.apply(facts);
  return facts;
}

/**
 * The oracle: written from the design's sentences, not from the code. A row is allowed when no value of it refuses;
 * otherwise the first refusing dimension names the reason. A missing grant beside a known revocation says 'revoked'.
 */
function expected(choice: readonly Value[]): RefusalReason | 'serve' {
  const first = choice.find(value => value.refuses !== undefined);
  if (first === undefined) return 'serve';
  const known = choice.slice(13).some(value => value.name !== 'fine');
  if (first.refuses === 'no-grant' && known) return 'revoked';
  return first.refuses!;
}

function actual(facts: DecisionFacts): RefusalReason | 'serve' {
  const decision = decide(facts);
  return decision.serve ? 'serve' : decision.reason;
}

const told = (what: string, rows: number, served: number): void =>
  void process.stdout.write(`decide, ${what}: ${rows} rows, ${served} served, none otherwise than allowed\n`);

const seed = 20_261_124;

/** Every choice of one value a dimension, in a fixed pseudo-random walk when there are more than `limit`. */
function* choices(limit: number): Generator<Value[]> {
  let state = seed;
  const draw = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  for (let n = 0; n < limit; n++) {
    // Half of the values fine, so that every depth of the order is reached.
    yield dimensions.map(values => (draw(4) > 0 ? values[0]! : values[draw(values.length)]!));
  }
}

describe('decide', () => {
  it('serves when everything holds, and says on what grounds', () => {
    const decision = decide(base());
    expect(Serve.is(decision)).toBe(true);
    if (!decision.serve) throw new Error(decision.reason);
    expect(decision.grade).toBe('final');
    expect(decision.requester).toEqual(requester);
    expect(decision.owner).toEqual(patient);
    expect(decision.studyHash).toEqual(studyHash);
    expect(decision.grantSeq).toBe(grantSeq);
    expect(decision.checkpoint.slot).toBe(10);
    expect(decision.proof).toEqual(utf8('proof'));
  });

  it('serves exactly the allowed rows: every pair of values of every two dimensions', () => {
    let rows = 0;
    let served = 0;
    for (const [i, first] of dimensions.entries()) {
      for (const [j, second] of dimensions.entries()) {
        if (j <= i) continue;
        for (const a of first) {
          for (const b of second) {
            const choice = dimensions.map((values, k) => (k === i ? a : k === j ? b : values[0]!));
            const got = actual(rowOf(choice));
            if (got !== expected(choice)) throw new Error(`${a.name} and ${b.name}: ${got}`);
            rows += 1;
            if (got === 'serve') served += 1;
          }
        }
      }
    }
    told('every pair of values', rows, served);
    expect(rows).toBeGreaterThan(1_000);
    expect(served).toBeGreaterThan(100);
  });

  it('serves exactly the allowed rows: the whole product of ledger, study, grant and revocations', () => {
    let rows = 0;
    let served = 0;
    const late = [3, 6, 7, 9, 10, 11, 12, 13, 14];
    const walk = (at: number, choice: Value[]): void => {
      if (at === late.length) {
        const got = actual(rowOf(choice));
        if (got !== expected(choice)) throw new Error(`${choice.map(({ name }) => name).join(', ')}: ${got}`);
        rows += 1;
        if (got === 'serve') served += 1;
        return;
      }
      const dimension = late[at]!;
      for (const value of dimensions[dimension]!) {
        const next = [...choice];
        next[dimension] = value;
        walk(at + 1, next);
      }
    };
    walk(
      0,
      dimensions.map(([value]) => value!),
    );
    told('the whole product of ledger, study, grant and revocations', rows, served);
    expect(rows).toBe(3 * 4 * 4 * 3 * 2 * 2 * 3 * 4 * 4);
  });

  it('serves exactly the allowed rows: 30,000 rows over all dimensions at once', () => {
    const seen = new Map<string, number>();
    for (const choice of choices(30_000)) {
      const got = actual(rowOf(choice));
      if (got !== expected(choice)) throw new Error(`${choice.map(({ name }) => name).join(', ')}: ${got}`);
      seen.set(got, (seen.get(got) ?? 0) + 1);
    }
    told(`all dimensions at once, seed ${seed}`, 30_000, seen.get('serve') ?? 0);
    expect(seen.get('serve')).toBeGreaterThan(200);
    const reasons = new Set(dimensions.flat().flatMap(({ refuses }) => refuses ?? []));
    for (const reason of reasons) expect([reason, seen.get(reason) ?? 0]).not.toEqual([reason, 0]);
  });

  it('names the first reason in the order of the design when all fail at once', () => {
    const order: RefusalReason[] = [];
    const worst = dimensions.map(values => values.findLast(({ refuses }) => refuses !== undefined)!);
    const mended = [...worst];
    for (let at = 0; at < dimensions.length; at++) {
      const got = actual(rowOf(mended));
      if (got === 'serve') throw new Error('served');
      if (order.at(-1) !== got) order.push(got);
      mended[at] = dimensions[at]![0]!;
    }
    // The worst of a missing grant beside revocations is 'revoked'.
    expect(order.filter(reason => reason !== 'revoked')).toEqual([
      'to',
      'repository',
      'expired-message',
      'ledger-unreachable',
      'clock-stepped',
      'ledger-stale',
      'source-rotated',
      'rate',
      'not-published',
      'withdrawn',
      'grant-expired',
    ]);
    expect(order.at(-1)).toBe('revoked');
  });

  it('judges the message by when it arrived: a transfer outlasts Expires, a grant does not outlast notAfter', () => {
    const facts = base();
    facts.now = now + 3_600_000;
    facts.view.lastEventAt = facts.now;
    facts.ledger!.checkpoint.timeMs = facts.now - 1_000;
    expect(actual(facts)).toBe('serve');
    facts.ledger!.grant!.notAfter = now + 1_000;
    expect(actual(facts)).toBe('grant-expired');
  });

  it.each<[string, (facts: DecisionFacts) => void]>([
    [
      'a document that is not in the signed request',
      f => {
        f.document = { ...f.document };
      },
    ],
    ['facts without a policy', f => void Reflect.deleteProperty(f, 'policy')],
    ['facts without a request', f => void Reflect.deleteProperty(f, 'request')],
    [
      'a clock that is no number',
      f => {
        f.now = Number.NaN;
      },
    ],
    [
      'an arrival that is no number',
      f => {
        f.receivedAt = Number.NaN;
      },
    ],
    [
      'a checkpoint time that is no number',
      f => {
        f.ledger!.checkpoint.timeMs = Number.NaN;
      },
    ],
    [
      'a last event that is no number',
      f => {
        f.view.lastEventAt = Number.NaN;
      },
    ],
    [
      'a last event in the future',
      f => {
        f.view.lastEventAt = now + 1;
      },
    ],
    [
      'a policy that is no number',
      f => {
        f.policy.maxStalenessMs = Number.NaN;
      },
    ],
    [
      'a revocation seq that is no number',
      f => {
        f.ledger!.revokedSeq = Number.NaN;
      },
    ],
    [
      'a local revocation seq that is no number',
      f => {
        f.locallyRevokedSeq = Number.NaN;
      },
    ],
    [
      'a grant seq that is no number',
      f => {
        f.ledger!.grant!.seq = Number.NaN;
      },
    ],
    [
      'a grant of seq 0',
      f => {
        f.ledger!.grant!.seq = 0;
      },
    ],
    [
      'a notAfter that is no number',
      f => {
        f.ledger!.grant!.notAfter = Number.NaN;
      },
    ],
    ['a rate that is not yes', f => void Reflect.set(f.rate, 'allowed', 'yes')],
    ['a withdrawal that is not no', f => void Reflect.deleteProperty(f.ledger!.study!, 'withdrawn')],
    ['a clock step that is not no', f => void Reflect.deleteProperty(f.view, 'clockSteppedBack')],
    [
      'a message whose Created is no number',
      f => {
        f.request.created = Number.NaN;
      },
    ],
    [
      'an upper-case documentUniqueId',
      f => {
        f.document.documentUniqueId = toHex(studyHash).toUpperCase();
      },
    ],
  ])('refuses %s, and never throws', (_, change) => {
    const facts = base();
    change(facts);
    expect(decide(facts).serve).toBe(false);
  });

  it('is the only maker of a Serve', () => {
    const forged = Object.create(Serve.prototype) as object;
    expect(Serve.is(forged)).toBe(false);
    expect(Serve.is({ serve: true, grade: 'final' })).toBe(false);
    expect(Serve.is(Reflect.construct(Serve, [{}]))).toBe(false);
    const decision = decide(base());
    expect(() => Object.assign(decision, { grade: 'pending' })).toThrow(TypeError);
  });
});
