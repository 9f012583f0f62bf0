/**
 * Key files: one secret key each, sealed by a passphrase (sealedSecret.ts), mode 0600, never overwritten.
 * A key file that group or others can open is refused, as what it holds may be known already.
 */
import { open, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CoreError, type KeyFileFault } from '../errors.js';
import { type KeyRole, publicKeyHex, SecretKey } from '../keys.js';
import { sealSecret, unsealSecret } from './sealedSecret.js';

const roles: readonly KeyRole[] = ['source', 'node', 'patient', 'requester', 'any'];
const maxFileBytes = 16_384;
const kind = 'key';

function fault(path: string, reason: KeyFileFault, cause?: unknown): CoreError {
  return new CoreError({ code: 'CORE_KEY_FILE', path, reason }, `key file ${path}: ${reason}`, { cause });
}

const systemCode = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;

/** Windows can't open a directory to sync it; there the file system journals the entry itself. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/**
 * Write a key to a new file and sync it. Before this returns the file may be missing or cut short after a crash, and the
 * key is not to be used; a file cut short reads as damaged and stays until somebody deletes it.
 * @param options - a passphrase, or insecurePlain for trials
 * @throws CoreError CORE_KEY_FILE: exists, passphrase; the system's error when the disk fails
 */
export async function writeKeyFile(
  path: string,
  key: SecretKey,
  options: { passphrase?: string; insecurePlain?: boolean },
): Promise<void> {
  const passphrase = options.insecurePlain === true ? null : options.passphrase;
  if (passphrase === undefined || passphrase === '') throw fault(path, 'passphrase');
  const label = { kind, about: `${key.role} ${publicKeyHex(key.publicKey)}` };
  const text = await sealSecret(label, key.exportSeed(), passphrase);
  const file = await open(path, 'wx', 0o600).catch((error: unknown) => {
    throw systemCode(error) === 'EEXIST' ? fault(path, 'exists', error) : error;
  });
  try {
    await file.writeFile(text);
    await file.sync();
  } catch (error) {
    await unlink(path);
    throw error;
  } finally {
    await file.close();
  }
  await syncDirectory(dirname(path));
}

async function readPrivateText(path: string): Promise<string> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw fault(path, systemCode(error) === 'ENOENT' ? 'missing' : 'not readable', error);
  });
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw fault(path, 'not readable');
    // Windows has no such bits: there the file's access list is the operator's to keep.
    if (process.platform !== 'win32' && (stats.mode & 0o077) !== 0) throw fault(path, 'open to others');
    if (stats.size > maxFileBytes) throw fault(path, 'damaged');
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

/**
 * Read a key file.
 * @param options.passphrase - asked when the file is sealed
 * @param options.role - what the key is wanted for; a file for another role is refused, one for 'any' takes this role
 * @throws CoreError CORE_KEY_FILE
 */
export async function readKeyFile(
  path: string,
  options: { passphrase?: () => Promise<string>; role?: KeyRole } = {},
): Promise<SecretKey> {
  const text = await readPrivateText(path);
  const { label, secret } = await unsealSecret(text, options.passphrase).catch((error: unknown) => {
    throw error instanceof CoreError && error.detail.code === 'CORE_SEALED'
      ? fault(path, error.detail.reason, error)
      : error;
  });
  const [roleName, publicHex] = label.about.split(' ');
  const role = roles.find(known => known === roleName);
  if (label.kind !== kind || role === undefined || secret.length !== 32) throw fault(path, 'damaged');
  if (options.role !== undefined && role !== options.role && role !== 'any') throw fault(path, 'role');
  const key = SecretKey.fromSeed(secret, options.role ?? role);
  if (publicKeyHex(key.publicKey) !== publicHex) throw fault(path, 'damaged');
  return key;
}
