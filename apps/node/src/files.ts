/** Reading and writing the files of the node's commands, with errors that name the file. */
import { readFileSync, writeFileSync } from 'node:fs';
import { NodeError } from './errors.js';

export function readBytes(path: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new NodeError({ code: 'NODE_FILE_UNREADABLE', path, reason }, `${path} can't be read: ${reason}`, { cause });
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
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new NodeError({ code: 'NODE_DATA_DIR', path, reason }, `${path} can't be written: ${reason}`, { cause });
  }
}
