/**
 * Replays: a message that was served comes again, as it was, in another form that the signature doesn't cover, later, or
 * elsewhere; and old answers come to new requests. No byte of a document follows, whatever the reason on record.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { nobleVerifier, publicKeyHex, toHex, utf8 } from '@radpass/core';
import { createRetrieveResponse, memoryReplayStore, readRetrieveResponse, type SignedMessage } from '../dist/index.js';
import { openReplayStore } from '../dist/node/index.js';
import { refusalOf, soapType } from './messages.js';
import {
  createWorld,
  document,
  memoryExchange,
  otherStudyHash,
  requester,
  source,
  stranger,
  studyHash,
  url,
  zipOf,
} from './world.js';

type World = Awaited<ReturnType<typeof createWorld>>;
const content = 'a zip of images ';
const minute = 60_000;
/** Gives every message that is made with it one MessageID. */
const random = (length: number): Uint8Array => new Uint8Array(length).fill(7);

/** Ask, and see whether the document came. */
async function ask(world: World, message: SignedMessage): Promise<'served' | string> {
  const refusals = world.reasons().length;
  const answer = await world.ask(message);
  if (answer.text().includes(content)) return 'served';
  expect(world.reasons().length).toBeGreaterThan(refusals);
  return world.reasons().at(-1) ?? '';
}

/** The world, and a message that it served a moment ago. */
async function served(
  change: Parameters<typeof createWorld>[0] = {},
): Promise<{ world: World; message: SignedMessage }> {
  const world = await createWorld(change);
  const message = world.request({ random });
  expect(await ask(world, message)).toBe('served');
  return { world, message };
}

/** The message as plain SOAP, one text of it written otherwise. */
const rewritten =
  (from: string | RegExp, to: string) =>
  (message: SignedMessage): SignedMessage => {
    const xml = new TextDecoder().decode(message.envelope);
    const changed = xml.replace(from, to);
    expect(changed).not.toBe(xml);
    return { ...message, contentType: soapType, body: utf8(changed), envelope: utf8(changed) };
  };
const otherBoundary = ({ contentType, body, ...rest }: SignedMessage): SignedMessage => {
  const boundary = /boundary="([^"]*)"/.exec(contentType)?.[1] ?? '';
  const renamed = (text: string): string => text.replaceAll(boundary, 'uuid:4711');
  return { ...rest, contentType: renamed(contentType), body: utf8(renamed(new TextDecoder().decode(body))) };
};

describe('a message that was served is refused', () => {
  it.each<[string, (message: SignedMessage) => SignedMessage, string]>([
    ['as it was', message => message, 'replay'],
    ['as plain SOAP', message => ({ ...message, contentType: soapType, body: message.envelope }), 'replay'],
    ['with another boundary', otherBoundary, 'replay'],
    [
      'with its Content-Type in another order',
      message => ({ ...message, contentType: `${message.contentType.replace(/; start-info="[^"]*"/, '')}; x=y` }),
      'replay',
    ],
    ['with a byte order mark', rewritten(/^/, '\ufeff'), 'replay'],
    ['without its XML declaration', rewritten(/^<\?xml[^>]*>/, ''), 'replay'],
    ['with a header more, unsigned', rewritten('<soap:Header>', '<soap:Header><x:x xmlns:x="urn:x"/>'), 'replay'],
    [
      'with a namespace more on the envelope',
      rewritten('<soap:Envelope ', '<soap:Envelope xmlns:x="urn:x" '),
      'replay',
    ],
    ['with white space in a tag', rewritten('<wsa:MessageID ', '<wsa:MessageID  \n '), 'replay'],
    ['with its MessageID in CDATA', rewritten(/(<wsa:MessageID[^>]*>)([^<]*)/, '$1<![CDATA[$2]]>'), 'replay'],
    ['with a letter of its MessageID by reference', rewritten('>urn:uuid:', '>&#117;rn:uuid:'), 'replay'],
    ['with line breaks in its digests', rewritten(/(<ds:DigestValue>.{20})/, '$1\n'), 'signature'],
    ['with line breaks in its signature', rewritten(/(<ds:SignatureValue>.{20})/, '$1\n'), 'replay'],
    ['with its MessageID in capitals', rewritten(/urn:uuid:[^<]*/, 'URN:UUID:1'), 'signature'],
    ['with its MessageID padded', rewritten(/(<wsa:MessageID[^>]*>)/, '$1 '), 'signature'],
    [
      'with a second MessageID',
      rewritten('</wsa:MessageID>', '</wsa:MessageID><wsa:MessageID>urn:x</wsa:MessageID>'),
      'signature',
    ],
    ['with a new time', rewritten(/<wsu:Created>2\d\d\d/, '<wsu:Created>2999'), 'signature'],
  ])('%s', async (_, again, reason) => {
    const { world, message } = await served();
    expect(await ask(world, again(message))).toBe(reason);
  });

  it.each<[string, Parameters<World['request']>[0]]>([
    ['with a new time', { at: Date.now() + 1_000 }],
    ['for a shorter while', { lifetimeMs: 1_000 }],
    ['for another study', { documents: [{ ...document, documentUniqueId: toHex(otherStudyHash) }] }],
    ['for two studies', { documents: [document, { ...document, documentUniqueId: toHex(otherStudyHash) }] }],
  ])('signed again under its MessageID %s', async (_, change) => {
    const { world, message } = await served();
    world.state.grantedStudies.push(otherStudyHash);
    const again = world.request({ ...change, random });
    expect(again.messageId).toBe(message.messageId);
    expect(await ask(world, again)).toBe('replay');
  });

  it('at any minute of the next quarter of an hour', async () => {
    const { world, message } = await served();
    const reasons: string[] = [];
    for (let at = 0; at < 15; at++) {
      world.shift.wallMs += minute;
      world.shift.monoMs += minute;
      world.heartbeat();
      reasons.push(await ask(world, message));
    }
    expect(reasons.filter(reason => reason !== 'replay' && reason !== 'expired-message')).toEqual([]);
    expect(reasons.slice(0, 6)).toEqual(Array.from({ length: 6 }, () => 'replay'));
    expect(reasons.at(-1)).toBe('expired-message');
  });

  it('while it streams still, and after it broke off', async () => {
    const world = await createWorld();
    let goOn: () => void = () => undefined;
    const held = new Promise<void>(resolve => {
      goOn = resolve;
    });
    const bytes = utf8(content);
    world.studies.set(toHex(studyHash), {
      ...zipOf(bytes),
      async *stream() {
        yield bytes.subarray(0, 3);
        await held;
        throw new Error('the archive went away');
      },
    });
    const message = world.request();
    const first = memoryExchange(message);
    const streaming = world.service.handle(first.exchange);
    while (first.body().length === 0) await new Promise(setImmediate);
    world.studies.set(toHex(studyHash), zipOf(bytes));
    expect(await ask(world, message)).toBe('replay');
    goOn();
    await streaming;
    expect(first.seen.aborted).toBe(true);
    expect(await ask(world, message)).toBe('replay');
    expect(await ask(world, world.request())).toBe('served');
  });

  it.each([2, 5, 20])('but for one of %d copies at once', async count => {
    const world = await createWorld();
    const message = world.request();
    const answers = await Promise.all(Array.from({ length: count }, () => world.ask(message)));
    expect(answers.filter(answer => answer.text().includes(content))).toHaveLength(1);
  });

  it('after its grant was revoked and given again', async () => {
    const { world, message } = await served();
    world.revoke();
    expect(await ask(world, message)).toBe('replay');
    world.state.locallyRevokedSeq = 0;
    expect(await ask(world, message)).toBe('replay');
  });

  it('after a restart, and after all that expired was forgotten', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'radpass-replays-'));
    const place = join(folder, 'replays');
    try {
      const before = await openReplayStore(place);
      const { message } = await served({ replay: before });
      await before.close();
      const after = await openReplayStore(place);
      await after.sweep(Date.now());
      expect(await ask(await createWorld({ replay: after }), message)).toBe('replay');
      await after.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('when the store of replays is full, or fails', async () => {
    const replay = memoryReplayStore();
    const { message } = await served({ replay });
    for (let i = 0; i < 300; i++) await replay.insert(requester.publicKey, `m${i}`, Date.now() + minute);
    expect(await ask(await createWorld({ replay }), message)).toBe('replay');
    const failing = await createWorld({ replay: { ...replay, has: () => Promise.reject(new Error('EIO')) } });
    const answer = await failing.ask(message);
    expect([answer.seen.aborted, answer.body().length]).toEqual([true, 0]);
  });

  it("at another source, and at another address of this one's", async () => {
    const { message } = await served();
    const elsewhere = await createWorld({
      key: stranger,
      sourceKey: stranger.publicKey,
      url: 'https://other.example/xds',
    });
    expect(await ask(elsewhere, message)).toBe('to');
    const sameUrl = await createWorld({ key: stranger, sourceKey: stranger.publicKey });
    sameUrl.state.standingKey = stranger.publicKey;
    expect(await ask(sameUrl, message)).toBe('repository');
    expect(await ask(await createWorld({ url: `${url}/` }), message)).toBe('to');
  });

  it("though another requester used the same MessageID; that one's is served", async () => {
    const { world, message } = await served();
    world.state.granted.push(stranger.publicKey);
    expect(await ask(world, world.request({ key: stranger, random }))).toBe('served');
    expect(await ask(world, message)).toBe('replay');
  });
});

describe('a requester refuses', () => {
  const created = Date.now();
  async function packaged(answer: ReturnType<typeof createRetrieveResponse>): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of answer.stream()) chunks.push(chunk);
    return Buffer.concat(chunks);
  }
  const answerTo = (relatesTo: string) =>
    createRetrieveResponse({
      key: source,
      relatesTo,
      now: created,
      documents: [{ ...document, ...zipOf(utf8(content)), content: zipOf(utf8(content)).stream }],
      errors: [],
    });
  async function read(
    answer: ReturnType<typeof createRetrieveResponse>,
    p: { relatesTo: string; now?: number; documents?: (typeof document)[]; edit?: (text: string) => string },
  ): Promise<void> {
    const bytes = await packaged(answer);
    const edited = p.edit ? Buffer.from(p.edit(Buffer.from(bytes).toString('latin1')), 'latin1') : bytes;
    const { documents } = await readRetrieveResponse({
      contentType: answer.contentType,
      stream: (async function* () {
        yield edited;
      })(),
      verifier: nobleVerifier,
      expect: { signer: source.publicKey, now: created, documents: [document], ...p },
      maxDocumentBytes: 1_000,
    });
    for await (const part of documents()) for await (const _ of part.content);
  }
  const asked = { relatesTo: 'urn:uuid:1' };

  it.each<[string, () => Promise<void>, string]>([
    ['the answer to an earlier request', () => read(answerTo('urn:uuid:0'), asked), 'XDS_RESPONSE'],
    [
      'that, with RelatesTo rewritten',
      () => read(answerTo('urn:uuid:0'), { ...asked, edit: text => text.replace('>urn:uuid:0<', '>urn:uuid:1<') }),
      'XDS_REFERENCE_DIGEST',
    ],
    [
      'that, with a second RelatesTo',
      () =>
        read(answerTo('urn:uuid:0'), {
          ...asked,
          edit: text => text.replace('<wsa:RelatesTo', '<wsa:RelatesTo>urn:uuid:1</wsa:RelatesTo><wsa:RelatesTo'),
        }),
      'XDS_REFERENCE',
    ],
    [
      'an answer from seven minutes ago',
      () => read(answerTo(asked.relatesTo), { ...asked, now: created + 7 * minute }),
      'XDS_TIMESTAMP',
    ],
    [
      'an answer from the future',
      () => read(answerTo(asked.relatesTo), { ...asked, now: created - 2 * minute }),
      'XDS_TIMESTAMP',
    ],
    [
      'the answer about another study',
      () =>
        read(answerTo(asked.relatesTo), { ...asked, documents: [{ ...document, documentUniqueId: '0'.repeat(64) }] }),
      'XDS_RESPONSE',
    ],
    [
      "another source's study",
      () =>
        read(answerTo(asked.relatesTo), {
          ...asked,
          documents: [{ ...document, repositoryUniqueId: publicKeyHex(stranger.publicKey) }],
        }),
      'XDS_RESPONSE',
    ],
  ])('%s', async (_, run, code) => {
    expect(await refusalOf(run)).toBe(code);
  });

  it('none that is its own', async () => {
    await read(answerTo(asked.relatesTo), asked);
  });

  it('an earlier refusal', async () => {
    const errors = [{ errorCode: 'XDSDocumentUniqueIdError', codeContext: 'no', severity: 'Error' as const }];
    const refusal = createRetrieveResponse({
      key: source,
      relatesTo: 'urn:uuid:0',
      now: created,
      documents: [],
      errors,
    });
    expect(await refusalOf(() => read(refusal, asked))).toBe('XDS_RESPONSE');
  });
});
