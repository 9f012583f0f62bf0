/**
 * The URL that a source publishes: https, lower-case ASCII host, optional port, short plain path; nothing else.
 *
 * No user, query, fragment or escape, so that the field can carry neither free text nor a second spelling of itself:
 * what this grammar accepts, a browser's URL parser leaves as it is (but for the slash of an empty path and port 443).
 */
import { CoreError } from './errors.js';

const maxHostLength = 253;
const maxPathLength = 64;
/** Longest text that the grammar allows: scheme, host, port, path. */
export const maxUrlLength = 'https://'.length + maxHostLength + ':65535'.length + maxPathLength;

const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const octet = '(?:0|[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5])';
/** A name whose last label begins with a letter, or four octets: nothing that a resolver reads as another address. */
const hostPattern = new RegExp(`^(?:(?:${label}\\.)*(?=[a-z])${label}|${octet}(?:\\.${octet}){3})$`);

function refuse(reason: string): never {
  throw new CoreError({ code: 'CORE_URL', reason }, `not a URL that a source may publish: ${reason}`);
}

/**
 * Check a source's URL; the empty text, which closes a source, passes.
 * @returns the text unchanged
 * @throws CoreError CORE_URL
 */
export function parseUrl(text: string): string {
  if (text === '') return text;
  const parts = /^https:\/\/([^/:]*)(?::([^/]*))?(\/.*)?$/.exec(text);
  if (parts === null) return refuse('it does not begin with https:// and a host');
  const [, host = '', port, path = ''] = parts;
  if (host.length > maxHostLength || !hostPattern.test(host))
    refuse('the host is not a lower-case name or an IPv4 address');
  if (port !== undefined && (!/^[1-9][0-9]{0,4}$/.test(port) || Number(port) > 65535)) refuse('the port');
  if (path.length > maxPathLength)
    refuse(`the path has ${path.length} characters, at most ${maxPathLength} are allowed`);
  if (!/^[A-Za-z0-9/_.-]*$/.test(path)) refuse('the path has a character outside A-Z a-z 0-9 / _ . -');
  if (path.split('/').some(segment => segment === '.' || segment === '..')) refuse('the path has a dot segment');
  return text;
}
