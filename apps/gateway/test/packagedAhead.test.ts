import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { NodeApi } from '@radpass/client';
import { nodeFetch } from '@radpass/client/node';
import { createAllowAccess, type PublicKey, SecretKey, type Transaction, toHex } from '@radpass/core';
import { isWithinHours, packageAhead } from '../dist/packagedAhead.js';
import { NodeServer } from './nodeServer.js';

const keyOf = (n: number): SecretKey => SecretKey.fromSeed(new Uint8Array(32).fill(n));
const ours = keyOf(1).publicKey;
const studyHash = new Uint8Array(32).fill(9);

describe('the document of a study', () => {
  let node: NodeServer;
  let api: NodeApi;
  let made: string[];
  let stop: () => Promise<void>;
  let isTime: boolean;

  beforeEach(async () => {
    node = new NodeServer(ours);
    await node.listen();
    api = new NodeApi({ url: node.url, fetch: nodeFetch() });
    made = [];
    isTime = true;
    const studies = {
      byHash: async (hash: string) => ({ studyHash: hash, number: 1, salt: '', studyInstanceUID: '1.2' }),
      document: async (record: { studyHash: string }) => {
        made.push(record.studyHash);
        throw new Error('nobody looks at it');
      },
    };
    stop = packageAhead({ node: api, sourceKey: ours, studies, log: () => undefined, isTime: () => isTime });
    for (let i = 0; i < 100 && !node.asked.includes('/v1/events'); i++)
      await new Promise(resolve => setTimeout(resolve, 10));
  });

  afterEach(async () => {
    await stop();
    node.close();
  });

  const grantAt = (sourceKey: PublicKey): Transaction =>
    createAllowAccess({
      chainId: node.chainId,
      key: keyOf(2),
      seq: 60_000,
      requesterKey: keyOf(3).publicKey,
      sourceKey,
      studyHash,
      notAfter: 0,
      receiptHash: new Uint8Array(),
    });
  const later = async (holds: () => boolean): Promise<void> => {
    for (let i = 0; i < 60 && !holds(); i++) await new Promise(resolve => setTimeout(resolve, 20));
  };

  it('is made when a grant is confirmed, once, before anybody asks', async () => {
    await api.submit(grantAt(ours));
    await later(() => made.length > 0);
    await new Promise(resolve => setTimeout(resolve, 500));
    expect(made).toEqual([toHex(studyHash)]);
  });

  it("is not made while the grant waits for its block, nor for another source's", async () => {
    node.grade = 'included';
    await api.submit(grantAt(keyOf(5).publicKey));
    await api.submit(grantAt(ours));
    await new Promise(resolve => setTimeout(resolve, 600));
    expect(made).toEqual([]);
    node.grade = 'confirmed';
    await later(() => made.length > 0);
    expect(made).toEqual([toHex(studyHash)]);
  });

  it('is not made outside the hours for it, but when they begin', async () => {
    isTime = false;
    await api.submit(grantAt(ours));
    await new Promise(resolve => setTimeout(resolve, 600));
    expect(made).toEqual([]);
    isTime = true;
    await later(() => made.length > 0);
    expect(made).toEqual([toHex(studyHash)]);
  });
});

describe('isWithinHours', () => {
  it('knows hours of a day and over midnight', () => {
    const hours = (from: number, to: number): number[] =>
      Array.from({ length: 24 }, (_, hour) => hour).filter(hour => isWithinHours([from, to], hour));
    expect(hours(1, 3)).toEqual([1, 2]);
    expect(hours(22, 2)).toEqual([0, 1, 22, 23]);
    expect(hours(0, 0)).toHaveLength(24);
  });
});
