import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { hashStudy, parseStudyInstanceUid, SecretKey, studySalt, toHex } from '../dist/index.js';

const uid = '1.2.840.113619.2.55.3.604688119.971.1448978231.467';
const sourceKey = SecretKey.fromSeed(new Uint8Array(32).fill(1)).publicKey;
const saltKey = new Uint8Array(32).fill(2);

describe('parseStudyInstanceUid', () => {
  it.each([uid, '1.2', '0.0', '2.25.0', `1.${'2'.repeat(62)}`])('takes %s', text =>
    expect(parseStudyInstanceUid(text)).toBe(text),
  );

  it('strips the padding of a DICOM value', () => {
    for (const padding of ['\0', ' ', '\0\0', ' \0']) expect(parseStudyInstanceUid(uid + padding)).toBe(uid);
    expect(parseStudyInstanceUid(`1.${'2'.repeat(62)}\0`)).toHaveLength(64);
  });

  it.each([
    '',
    '\0',
    '1',
    '1.',
    '.1',
    '1..2',
    '1.02',
    '01.2',
    '1.a',
    '1.2 3',
    ' 1.2',
    '1.2\n',
    '1.-2',
    '1.٢',
    `1.${'2'.repeat(63)}`,
  ])('refuses %j', text =>
    expect(() => parseStudyInstanceUid(text)).toThrow(expect.objectContaining({ code: 'CORE_UID' })),
  );
});

describe('hashStudy', () => {
  it('is the tagged hash of source, salt and UID', () => {
    const salt = studySalt(saltKey, uid);
    expect(toHex(salt)).toBe(createHmac('sha256', saltKey).update(uid).digest('hex'));
    const hash = (...parts: (string | Uint8Array)[]) => {
      const state = createHash('sha256').update('radpass/study/1\0').update(sourceKey);
      for (const part of parts) state.update(part);
      return state.digest('hex');
    };
    expect(toHex(hashStudy({ sourceKey, salt, studyInstanceUid: uid }))).toBe(hash('\x20', salt, uid));
    expect(toHex(hashStudy({ sourceKey, salt: new Uint8Array(0), studyInstanceUid: uid }))).toBe(hash('\0', uid));
  });

  it('is one for a UID with and without its padding', () => {
    const of = (studyInstanceUid: string) =>
      toHex(hashStudy({ sourceKey, salt: studySalt(saltKey, studyInstanceUid), studyInstanceUid }));
    expect(of(`${uid}\0`)).toBe(of(uid));
    expect(of(`${uid}1`)).not.toBe(of(uid));
  });

  it('takes no salt or key of another length', () => {
    expect(() => hashStudy({ sourceKey, salt: new Uint8Array(16), studyInstanceUid: uid })).toThrow(RangeError);
    expect(() => studySalt(new Uint8Array(16), uid)).toThrow(RangeError);
  });
});
