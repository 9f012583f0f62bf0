/** Reading and writing the files of the node's commands, with errors that name the file. */
import { accessSync, constants, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type Genesis, LedgerError, parseGenesis } from '@radpass/ledger';
import { NodeError } from './errors.js';

export function readBytes(path: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (cause) {
    const reason = plainReason(cause);
    throw new NodeError({ code: 'NODE_FILE_UNREADABLE', path, reason }, `${path} can't be read: ${reason}`, { cause });
  }
}

const reasons: Record<string, string> = {
  EACCES: 'no permission',
  EEXIST: 'it is a file, and a folder is needed',
  EISDIR: 'it is a folder, and a file is needed',
  ENOENT: 'there is no such file or folder',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of the path is a file, and a folder is needed',
  EPERM: 'no permission',
  EROFS: 'the file system is read-only',
};

/** What the system's refusal means, in words. */
export function plainReason(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  return reasons[code] ?? cause.message;
}

/** The network that a genesis file defines. @throws NodeError NODE_FILE_UNREADABLE, LedgerError LEDGER_GENESIS naming the file */
export function readGenesis(path: string): Genesis {
  const bytes = readBytes(path);
  try {
    return parseGenesis(bytes);
  } catch (cause) {
    if (cause instanceof LedgerError) throw new LedgerError(cause.detail, `${path}: ${cause.message}`, { cause });
    throw cause;
  }
}

export function readJson(path: string): unknown {
  const text = new TextDecoder().decode(readBytes(path));
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new NodeError({ code: 'NODE_FILE_UNREADABLE', path, reason: 'no JSON' }, `${path} holds no JSON`, { cause });
  }
}

/** Make a folder for this user alone, or find it. @throws NodeError NODE_DATA_DIR */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    accessSync(path, constants.W_OK);
  } catch (first) {
    const cause = isAbsent(first) ? refusalOfMkdir(path, first) : first;
    const reason = plainReason(cause);
    throw new NodeError({ code: 'NODE_DATA_DIR', path, reason }, `${path} can't be used: ${reason}`, { cause });
  }
}

const isAbsent = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';

/** Making a folder with its parents says "absent" on a read-only file system; making it alone says why. */
function refusalOfMkdir(path: string, otherwise: unknown): unknown {
  try {
    mkdirSync(path, { mode: 0o700 });
    return otherwise;
  } catch (cause) {
    return cause;
  }
}

/** Write a file that must not exist yet. */
export function writeNew(path: string, content: Uint8Array | string): void {
  try {
    writeFileSync(path, content, { flag: 'wx' });
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') {
      throw new NodeError({ code: 'NODE_FILE_EXISTS', path }, `${path} is there already and is not overwritten`, {
        cause,
      });
    }
    const reason = plainReason(cause);
    throw new NodeError({ code: 'NODE_DATA_DIR', path, reason }, `${path} can't be written: ${reason}`, { cause });
  }
}
