/** Reading the DICOM JSON model (PS3.18 Annex F): text of single attributes, and what says that nothing changed. */
import { createHash } from 'node:crypto';

export type DicomJson = Record<string, unknown>;

export function isDicomJson(value: unknown): value is DicomJson {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The values of the attribute with this tag (eight hex digits), '' when absent; several joined by a backslash. */
export function textOf(item: DicomJson, tag: string): string {
  const element = item[tag];
  if (!isDicomJson(element) || !Array.isArray(element.Value)) return '';
  const values: unknown[] = element.Value;
  return values
    .filter(value => typeof value === 'string' || typeof value === 'number')
    .map(value => String(value).trim())
    .join('\\');
}

/**
 * Where an attribute stands in the archive, not what the instance is: retrieve URL, retrieve AE title, availability,
 * storage media. They differ from answer to answer.
 */
const whereabouts = new Set(['00081190', '00080054', '00080056', '00880130', '00880140']);

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (!isDicomJson(value)) return value;
  return Object.keys(value)
    .sort()
    .filter(key => !whereabouts.has(key))
    .map(key => [key, key === 'BulkDataURI' ? '' : canonical(value[key])]);
}

/** Another text whenever an attribute of the item is another. What stands behind a BulkDataURI is not seen. */
export function printOf(item: DicomJson): string {
  return createHash('sha256')
    .update(JSON.stringify(canonical(item)))
    .digest('base64url');
}
