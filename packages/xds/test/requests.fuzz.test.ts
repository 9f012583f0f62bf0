/** Requests with elements moved, copied, swapped or dropped at random: refused, or read as what was signed. */
import { describe, expect, it } from '@jest/globals';
import { utf8 } from '@radpass/core';
import { readXml, type XmlElement } from '../dist/xmlReader.js';
import { draft, refusal, requestText, verifyText } from './messages.js';

function generator(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const all = (element: XmlElement): XmlElement[] => [
  element,
  ...element.children.flatMap(child => (typeof child === 'string' ? [] : all(child))),
];

describe('a mutated request', () => {
  it.each([
    ['written by the product', requestText()],
    ['drafted', draft()],
  ])('%s, is refused with a code or says what was signed', (_, valid) => {
    const signed = { ...verifyText(valid), digest: null };
    const elements = all(readXml(utf8(valid)));
    const pick = generator(valid.length);
    const tally = new Map<string, number>();
    for (let run = 0; run < 1_500; run++) {
      const a = elements[pick(elements.length)]!;
      const b = elements[pick(elements.length)]!;
      const piece = valid.slice(a.start, a.end);
      const cutOut = valid.slice(0, a.start) + valid.slice(a.end);
      const place = b.start <= a.start ? b.start : Math.max(a.start, b.start - piece.length);
      const mutants = [
        cutOut,
        valid.slice(0, b.start) + piece + valid.slice(b.start), // copied before b
        valid.slice(0, b.start) + piece + valid.slice(b.end), // instead of b
        cutOut.slice(0, place) + piece + cutOut.slice(place), // moved before b
        `${valid.slice(0, a.start)}<w>${piece}</w>${valid.slice(a.end)}`, // wrapped
        valid.slice(0, a.end) + piece.replace(/ (wsu:)?Id="[^"]*"/g, '') + valid.slice(a.end), // doubled without ids
      ];
      const mutant = mutants[pick(mutants.length)]!;
      const code = refusal(() => expect({ ...verifyText(mutant), digest: null }).toEqual(signed));
      tally.set(code, (tally.get(code) ?? 0) + 1);
    }
    // what is accepted: moves of references, headers and Timestamp among themselves that the signature doesn't fix
    expect(tally.get('accepted') ?? 0).toBeLessThan(150);
    expect(tally.size).toBeGreaterThan(6);
  });
});
