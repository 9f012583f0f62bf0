import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CoreError, parseUrl } from '../dist/index.js';

const accepts = (text: string): boolean => {
  try {
    return parseUrl(text) === text;
  } catch (error) {
    if (error instanceof CoreError && error.code === 'CORE_URL') return false;
    throw error;
  }
};

describe('parseUrl', () => {
  it.each([
    '',
    'https://images.example.org',
    'https://images.example.org/',
    'https://images.example.org:8443/iti43',
    'https://127.0.0.1:9443/xds/iti-43_v1.0',
    'https://localhost:1/a',
    'https://xn--bcher-kva.example/a',
    `https://h/${'p'.repeat(63)}`,
  ])('takes %j', text => expect(accepts(text)).toBe(true));

  it.each([
    'http://a.org',
    'HTTPS://a.org',
    'https:/a.org',
    'https://',
    'https:///a',
    'https://A.org',
    'https://a_b.org',
    'https://-a.org',
    'https://a-.org',
    'https://a..org',
    'https://a.org.',
    'https://ä.org',
    `https://${'a'.repeat(64)}.org`,
    `https://${'a.'.repeat(126)}aa`,
    'https://user@a.org',
    'https://user:pw@a.org',
    'https://a.org:',
    'https://a.org:0',
    'https://a.org:080',
    'https://a.org:65536',
    'https://a.org:80:80',
    'https://[::1]/',
    'https://1',
    'https://127.1',
    'https://0x7f.0.0.1',
    'https://a.0x7f',
    'https://127.0.0.01',
    'https://256.0.0.1',
    'https://1.2.3.4.5',
    'https://a.org?q',
    'https://a.org/?q',
    'https://a.org/#f',
    'https://a.org/%41',
    'https://a.org/a b',
    'https://a.org/a\n',
    'https://a.org\n',
    'https://a.org\\b',
    'https://a.org/../b',
    'https://a.org/./b',
    'https://a.org/b/..',
    `https://h/${'p'.repeat(64)}`,
  ])('refuses %j', text => expect(accepts(text)).toBe(false));

  it('takes only what a URL parser leaves as it is', () => {
    const piece = fc.constantFrom(
      'a',
      'b-c',
      '.',
      '..',
      '1',
      '0x1',
      '255',
      ':',
      '8443',
      '/',
      '-',
      '_',
      '?',
      '#',
      '@',
      'A',
      '%2e',
      '\\',
      ' ',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), pieces => {
        const text = `https://${pieces.join('')}`;
        if (!accepts(text)) return;
        const { href, port } = new URL(text);
        expect(href).toBe(`${text}${/^https:\/\/[^/]*$/.test(text) ? '/' : ''}`);
        expect(port).toBe(/:(\d+)/.exec(text.slice(8))?.[1] ?? '');
      }),
      { numRuns: 5000 },
    );
  });
});
