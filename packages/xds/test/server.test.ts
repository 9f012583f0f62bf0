import { describe, expect, it } from '@jest/globals';
import { nobleVerifier, publicKeyHex, sha256, toHex, utf8 } from '@radpass/core';
import type { StudyDocument } from '../dist/exchange.js';
import { readRetrieveResponse } from '../dist/readRetrieveResponse.js';
import { memoryReplayStore } from '../dist/replayGuard.js';
import type { SignedMessage } from '../dist/retrieveRequest.js';
import {
  createWorld,
  document,
  memoryExchange,
  named,
  otherStudyHash,
  requester,
  source,
  stranger,
  studyHash,
  zipOf,
} from './world.js';

type World = Awaited<ReturnType<typeof createWorld>>;

/** What a requester who knows the source makes of an answer. */
async function read(message: SignedMessage, answer: Awaited<ReturnType<World['ask']>>, documents = [document]) {
  const { response, documents: parts } = await readRetrieveResponse({
    contentType: answer.seen.headers['content-type']!,
    stream: (async function* () {
      yield answer.body();
    })(),
    verifier: nobleVerifier,
    expect: { signer: source.publicKey, relatesTo: message.messageId, now: Date.now(), documents },
    maxDocumentBytes: 1e9,
  });
  const bytes: Uint8Array[] = [];
  for await (const part of parts()) for await (const chunk of part.content) bytes.push(chunk);
  return { response, content: Buffer.concat(bytes) };
}

/** Refuse and report: the reason in the audit, the error code outside. */
async function refusal(world: World, message: SignedMessage) {
  const answer = await world.ask(message);
  const fault = /<soap:Subcode><soap:Value>([^<]*)/.exec(answer.text())?.[1];
  const code = /errorCode="([^"]*)"/.exec(answer.text())?.[1];
  return {
    reason: world.reasons().at(-1),
    status: answer.seen.status,
    outside: code ?? fault,
    ended: answer.seen.ended,
  };
}

describe('the retrieve service', () => {
  it('serves what was granted: signed, whole, and on record before', async () => {
    const world = await createWorld();
    const message = world.request();
    const answer = await world.ask(message);
    expect(answer.seen).toMatchObject({ status: 200, ended: true, aborted: false });
    expect(Number(answer.seen.headers['content-length'])).toBe(answer.body().length);
    const { response, content } = await read(message, answer);
    expect(response.status).toBe('Success');
    expect(content.toString()).toBe('a zip of images '.repeat(1_000));
    const [served, closed] = await world.records();
    expect(served).toMatchObject({
      kind: 'served',
      requester: publicKeyHex(requester.publicKey),
      studyHash: toHex(studyHash),
      messageId: message.messageId,
      requestDigest: toHex(sha256(message.envelope)),
      grade: 'final',
      grantSeq: 1_700_000_000_000,
      checkpoint: { slot: 100 },
      proof: toHex(utf8('proof')),
    });
    expect(served?.kind === 'served' && Buffer.from(served.request).equals(message.body)).toBe(true);
    expect(closed).toMatchObject({ kind: 'closed', of: 1, outcome: 'complete', bytesSent: 16_000 });
    expect(await world.disclosures.verify()).toEqual({ records: 2 });
  });

  it('has the disclosure on disk before the first byte leaves, and sends none when it can not be written', async () => {
    const order: string[] = [];
    const world = await createWorld();
    const put = world.log.put;
    world.log.put = async (entries, head) => {
      order.push('durable');
      await put(entries, head);
    };
    const answer = memoryExchange(world.request());
    const respond = answer.exchange.respond;
    answer.exchange.respond = (status, headers) => {
      order.push('headers');
      return respond(status, headers);
    };
    await world.service.handle(answer.exchange);
    expect(order.slice(0, 2)).toEqual(['durable', 'headers']);

    world.log.put = () => Promise.reject(new Error('disk full'));
    const failed = await world.ask(world.request());
    expect(failed.seen).toMatchObject({ status: 0, ended: false, aborted: true });
    expect(failed.body().length).toBe(0);
  });

  it.each<[string, string, string, number, (world: World) => SignedMessage]>([
    ['another address', 'to', 'wsa:InvalidAddressingHeader', 400, w => w.request({ to: 'https://other.example/xds' })],
    [
      'a message whose time is over',
      'expired-message',
      'wsu:MessageExpired',
      400,
      w => w.request({ at: Date.now() - 400_000 }),
    ],
    [
      'another repository',
      'repository',
      'XDSUnknownRepositoryId',
      200,
      w => w.request({ documents: [{ ...document, repositoryUniqueId: publicKeyHex(stranger.publicKey) }] }),
    ],
    [
      'a node that does not answer',
      'ledger-unreachable',
      'XDSRepositoryError',
      200,
      w => {
        w.state.answers = false;
        return w.request();
      },
    ],
    [
      'an event stream that is silent',
      'ledger-unreachable',
      'XDSRepositoryError',
      200,
      w => {
        w.shift.monoMs += 10_500;
        w.shift.wallMs += 10_500;
        return w.request();
      },
    ],
    [
      'a stale view',
      'ledger-stale',
      'XDSRepositoryError',
      200,
      w => {
        w.state.checkpointAgeMs = 60_500;
        return w.request();
      },
    ],
    [
      'a checkpoint in the future',
      'ledger-future',
      'XDSRepositoryError',
      200,
      w => {
        w.state.checkpointAgeMs = -5_500;
        return w.request();
      },
    ],
    [
      'a clock that went back',
      'clock-stepped',
      'XDSRepositoryError',
      200,
      w => {
        w.shift.wallMs -= 4_000;
        w.state.checkpointAgeMs = 1_000;
        return w.request();
      },
    ],
    [
      'a source that closed',
      'source-closed',
      'XDSRepositoryError',
      200,
      w => {
        w.state.url = '';
        return w.request();
      },
    ],
    [
      'a source whose key was rotated',
      'source-rotated',
      'XDSRepositoryError',
      200,
      w => {
        w.state.standingKey = stranger.publicKey;
        return w.request();
      },
    ],
    ['a stranger', 'no-grant', 'XDSDocumentUniqueIdError', 200, w => w.request({ key: stranger })],
    [
      'a withdrawn study',
      'withdrawn',
      'XDSDocumentUniqueIdError',
      200,
      w => {
        w.state.withdrawn = true;
        return w.request();
      },
    ],
    [
      'an expired grant',
      'grant-expired',
      'XDSDocumentUniqueIdError',
      200,
      w => {
        w.state.notAfter = Date.now() - 1;
        return w.request();
      },
    ],
    [
      'a grant that the ledger saw revoked',
      'revoked',
      'XDSDocumentUniqueIdError',
      200,
      w => {
        w.state.revokedSeq = 1_700_000_000_000;
        return w.request();
      },
    ],
    [
      'a grant that only we saw revoked',
      'revoked',
      'XDSDocumentUniqueIdError',
      200,
      w => {
        w.revoke();
        return w.request();
      },
    ],
    [
      'a document that cannot be read now',
      'document-unavailable',
      'XDSRepositoryError',
      200,
      w => {
        w.studies.clear();
        return w.request();
      },
    ],
    [
      'too many documents at once',
      'rate',
      'XDSRepositoryBusy',
      200,
      w => w.request({ documents: Array.from({ length: 17 }, (_, i) => ({ ...document, documentUniqueId: `${i}` })) }),
    ],
  ])('refuses %s', async (_, reason, outside, status, prepare) => {
    const world = await createWorld();
    expect(await refusal(world, prepare(world))).toEqual({ reason, outside, status, ended: true });
    expect((await world.records()).every(({ kind }) => kind === 'refused')).toBe(true);
  });

  it('refuses a message with one byte changed, and a message that is none', async () => {
    const world = await createWorld();
    const message = world.request();
    const at = Buffer.from(message.body).indexOf(document.documentUniqueId);
    const body = new Uint8Array(message.body);
    body[at] = body[at] === 0x61 ? 0x62 : 0x61;
    const changed = await refusal(world, { ...message, body });
    expect(changed).toEqual({ reason: 'signature', outside: 'wsse:FailedCheck', status: 400, ended: true });
    const none = await refusal(world, { ...message, body: utf8('hello') });
    expect(none.status).toBe(400);
    expect(await world.records()).toMatchObject([
      { kind: 'refused', reason: 'signature', requester: '' },
      { kind: 'refused', reason: 'signature', requester: '' },
    ]);
  });

  it('asks who may have a document to come again until it is ready, and a stranger never', async () => {
    let ready: (study: StudyDocument) => void = () => undefined;
    const making = new Promise<StudyDocument>(resolve => {
      ready = resolve;
    });
    const world = await createWorld({ documents: { open: () => making }, openTimeoutMs: 40 });
    const preparing = { reason: 'document-preparing', outside: 'XDSRepositoryBusy', status: 200, ended: true };
    expect(await refusal(world, world.request())).toEqual(preparing);
    expect((await refusal(world, world.request({ key: stranger }))).reason).toBe('no-grant');
    expect(world.events.filter(({ kind }) => kind === 'failed')).toEqual([]);
    ready(zipOf(utf8('made meanwhile')));
    const answer = await world.ask(world.request());
    expect(answer.text()).toContain('made meanwhile');
  });

  it('answers a message once, and a refused message may come again', async () => {
    const world = await createWorld();
    const message = world.request();
    world.state.answers = false;
    expect((await refusal(world, message)).reason).toBe('ledger-unreachable');
    world.state.answers = true;
    expect((await world.ask(message)).seen.status).toBe(200);
    const again = await refusal(world, message);
    expect(again).toEqual({ reason: 'replay', outside: 'wsse:InvalidSecurity', status: 400, ended: true });
  });

  it('answers one of two copies that arrive together', async () => {
    const world = await createWorld();
    const message = world.request();
    const answers = await Promise.all([world.ask(message), world.ask(message), world.ask(message)]);
    expect(answers.map(({ seen }) => seen.status).sort()).toEqual([200, 400, 400]);
    expect(world.reasons()).toEqual(['replay', 'replay']);
  });

  it('keeps a replay in mind as long as any clock that it accepts finds the message fresh', async () => {
    const inserted: number[] = [];
    const replay = memoryReplayStore();
    const world = await createWorld({
      replay: {
        ...replay,
        insert(signer, id, expires) {
          inserted.push(expires);
          return replay.insert(signer, id, expires);
        },
      },
    });
    const at = Math.floor(Date.now() / 1000) * 1000;
    await world.ask(world.request({ at, lifetimeMs: 1_000 }));
    expect(inserted).toEqual([at + 1_000 + 60_000 + 60_000 + 5_000]);
  });

  it('refuses when one signer holds too many messages, until they expire', async () => {
    const replay = memoryReplayStore();
    const soon = Date.now() + 1_000;
    for (let i = 0; i < 256; i++) await replay.insert(requester.publicKey, `m${i}`, soon);
    const world = await createWorld({ replay });
    expect((await refusal(world, world.request())).reason).toBe('rate');
    world.shift.wallMs += 2_000;
    expect((await world.ask(world.request())).seen.ended).toBe(true);
    expect(world.events.at(-1)).toMatchObject({ kind: 'closed', closing: { outcome: 'complete' } });
  });

  it('slows down a signer, not the others', async () => {
    const world = await createWorld({ clock: { now: Date.now, monotonic: () => 0 } });
    world.state.granted = [requester.publicKey, named('second').publicKey];
    for (let i = 0; i < 50; i++) await world.ask(world.request());
    expect(world.reasons()).toEqual(Array.from({ length: 10 }, () => 'rate'));
    const before = world.reasons().length;
    await world.ask(world.request({ key: named('second') }));
    expect(world.reasons().length).toBe(before);
  });

  it('turns a flooding address away before it reads the message', async () => {
    const world = await createWorld({ clock: { now: Date.now, monotonic: () => 0 } });
    const statuses: number[] = [];
    for (let i = 0; i < 205; i++) {
      const answer = memoryExchange({ contentType: 'text/plain', body: utf8('x') }, '192.0.2.1');
      await world.service.handle(answer.exchange);
      statuses.push(answer.seen.status);
    }
    expect(statuses.filter(status => status === 503).length).toBe(5);
    const other = memoryExchange({ contentType: 'text/plain', body: utf8('x') }, '192.0.2.2');
    await world.service.handle(other.exchange);
    expect(other.seen.status).not.toBe(503);
  });

  it('records a flood of refusals up to a budget and counts the rest', async () => {
    const world = await createWorld({ clock: { now: Date.now, monotonic: () => 0 } });
    for (let i = 0; i < 300; i++) await world.ask({ ...world.request(), body: utf8('x') });
    const refused = await world.records();
    expect(refused.length).toBe(200);
    await world.ask(world.request());
    const served = (await world.records()).find(({ kind }) => kind === 'served');
    expect(served).toMatchObject({ omitted: 100 });
  });

  it('gives each document of a request its own outcome', async () => {
    const world = await createWorld();
    const other = { ...document, documentUniqueId: toHex(otherStudyHash) };
    const foreign = { ...document, repositoryUniqueId: publicKeyHex(stranger.publicKey) };
    const message = world.request({ documents: [other, document, foreign, document] });
    const answer = await world.ask(message);
    const { response, content } = await read(message, answer, [other, document, foreign]);
    expect(response.status).toBe('PartialSuccess');
    expect(response.documents.map(({ documentUniqueId }) => documentUniqueId)).toEqual([toHex(studyHash)]);
    expect(response.errors.map(({ errorCode }) => errorCode)).toEqual([
      'XDSDocumentUniqueIdError',
      'XDSUnknownRepositoryId',
    ]);
    expect(content.length).toBe(16_000);
    expect((await world.records()).map(body => body.kind)).toEqual(['refused', 'refused', 'served', 'closed']);
  });

  it('refuses everything once it was stopped', async () => {
    const world = await createWorld();
    world.service.stop();
    expect((await world.ask(world.request())).seen.status).toBe(503);
  });

  it('resets when a document is not the size that was announced', async () => {
    const world = await createWorld();
    world.studies.set(toHex(studyHash), { ...zipOf(utf8('short')), size: 100 });
    const answer = await world.ask(world.request());
    expect(answer.seen).toMatchObject({ ended: false, aborted: true });
    expect(world.events.at(-1)).toMatchObject({ kind: 'closed', closing: { outcome: 'failed' } });
  });
});

describe('the five refusals of a study', () => {
  const cases: [string, (world: World) => void][] = [
    [
      'not-published',
      w => {
        w.state.published = false;
      },
    ],
    [
      'withdrawn',
      w => {
        w.state.withdrawn = true;
      },
    ],
    [
      'no-grant',
      w => {
        w.state.granted = [];
      },
    ],
    [
      'grant-expired',
      w => {
        w.state.notAfter = 1;
      },
    ],
    [
      'revoked',
      w => {
        w.state.revokedSeq = 1_700_000_000_001;
      },
    ],
  ];

  it('are one answer, byte for byte, and take one path', async () => {
    const bodies: string[] = [];
    for (const [reason, change] of cases) {
      const fixed = 1_800_000_000_000;
      const world = await createWorld({
        random: length => new Uint8Array(length).fill(7),
        clock: { now: () => fixed, monotonic: () => performance.now() },
      });
      change(world);
      world.state.checkpointAgeMs += Math.floor(Date.now()) - fixed;
      const message = world.request({ at: fixed });
      const answer = await world.ask(message);
      expect(world.reasons()).toEqual([reason]);
      expect(world.state.asked).toBe(1);
      expect((await world.records()).length).toBe(1);
      // The one thing in it that belongs to the request: its MessageID, and with it digest and signature.
      const text = answer
        .text()
        .replaceAll(message.messageId, 'MESSAGE')
        .replace(/(<ds:DigestValue>)[^<]*/g, '$1')
        .replace(/(<ds:SignatureValue>)[^<]*/g, '$1');
      bodies.push(`${answer.seen.status} ${JSON.stringify(answer.seen.headers)} ${text}`);
    }
    expect(bodies[0]).toContain('XDSDocumentUniqueIdError');
    expect(new Set(bodies).size).toBe(1);
  });

  it('take the same time: nobody can tell two of them apart by it', async () => {
    const rounds = 24;
    type World = Awaited<ReturnType<typeof createWorld>>;
    /** Times of `rounds` refusals in each world, the worlds taking turns. */
    const timesOf = async (worlds: World[]): Promise<number[][]> => {
      const times: number[][] = worlds.map(() => []);
      for (let round = 0; round < rounds; round++) {
        for (const [i, world] of worlds.entries()) {
          const message = world.request();
          const from = performance.now();
          await world.ask(message);
          times[i]!.push(performance.now() - from);
        }
      }
      return times;
    };
    /** How often one of `a` is longer than one of `b`: 0.5 = no difference (Mann-Whitney); 0.084 = one deviation. */
    const longer = (a: number[], b: number[]): number => {
      const sum = a.flatMap(x => b.map(y => (x > y ? 1 : x === y ? 0.5 : 0))).reduce<number>((s, n) => s + n, 0);
      return sum / (a.length * b.length);
    };
    const worlds: World[] = [];
    for (const [, change] of cases) {
      const world = await createWorld();
      change(world);
      worlds.push(world);
    }
    // one that is different, to know that a difference would be seen
    const slow = await createWorld();
    slow.state.granted = [];
    slow.state.delayMs = 150;
    worlds.push(slow);
    await timesOf(worlds.slice(0, 1));
    worlds[0] = await createWorld(); // a signer has a budget
    cases[0]![1](worlds[0]);
    const times = await timesOf(worlds);
    const different = times.pop()!;
    for (const a of times) for (const b of times) expect(Math.abs(longer(a, b) - 0.5)).toBeLessThan(0.33);
    for (const a of times) expect(longer(different, a)).toBeGreaterThan(0.83);
  });

  it('say the same of what is no studyHash at all', async () => {
    const world = await createWorld();
    const message = world.request({ documents: [{ ...document, documentUniqueId: '1.2.840.1' }] });
    expect(await refusal(world, message)).toMatchObject({
      reason: 'not-published',
      outside: 'XDSDocumentUniqueIdError',
    });
  });

  it('leave on a step of time', async () => {
    const world = await createWorld();
    world.state.granted = [];
    for (const delayMs of [0, 5, 12]) {
      world.state.delayMs = delayMs;
      const message = world.request();
      const from = performance.now();
      await world.ask(message);
      // A timer counts from when its turn of the event loop began, so under load it may end a little early.
      expect(performance.now() - from).toBeGreaterThanOrEqual(20);
    }
  });
});
