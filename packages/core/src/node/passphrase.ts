/**
 * Where a passphrase comes from: the file that RADPASS_PASSPHRASE_FILE names, else a prompt on the terminal, without echo.
 * Never an argument or a variable of its own: both show in the list of processes.
 */
import { readFile } from 'node:fs/promises';
import { CoreError } from '../errors.js';

/** What is needed of process.stdin. */
interface Terminal {
  setRawMode(on: boolean): unknown;
  on(event: 'data', listener: (chunk: Buffer) => void): unknown;
  off(event: 'data', listener: (chunk: Buffer) => void): unknown;
  resume(): unknown;
  pause(): unknown;
}

function refuse(reason: string, cause?: unknown): CoreError {
  return new CoreError({ code: 'CORE_PASSPHRASE', reason }, `no passphrase: ${reason}`, { cause });
}

/** The first line of a file. @throws CoreError CORE_PASSPHRASE */
async function passphraseFromFile(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw refuse('the file that RADPASS_PASSPHRASE_FILE names cannot be read', error);
  });
  const passphrase = text.split(/\r?\n/, 1)[0] ?? '';
  if (passphrase === '') throw refuse('the file that RADPASS_PASSPHRASE_FILE names begins with an empty line');
  return passphrase;
}

/**
 * One line typed on a terminal that shows nothing of it. Backspace takes back, Ctrl-C and Ctrl-D give up.
 * @throws CoreError CORE_PASSPHRASE
 */
export function passphraseFromTerminal(
  terminal: Terminal,
  say: (text: string) => void,
  prompt: string,
): Promise<string> {
  return new Promise((resolve, reject) => {
    let typed: string[] = [];
    const finish = (settle: () => void): void => {
      terminal.off('data', onData);
      terminal.setRawMode(false);
      terminal.pause();
      say('\n');
      settle();
    };
    const onData = (chunk: Buffer): void => {
      for (const character of chunk.toString('utf8')) {
        if (character === '\r' || character === '\n') {
          const passphrase = typed.join('');
          finish(() => (passphrase === '' ? reject(refuse('nothing was typed')) : resolve(passphrase)));
          break;
        }
        if (character === '\x03' || character === '\x04') {
          finish(() => reject(refuse('given up')));
          break;
        }
        if (character === '\x7f' || character === '\b') typed = typed.slice(0, -1);
        else typed.push(character);
      }
    };
    say(prompt);
    terminal.setRawMode(true);
    terminal.on('data', onData);
    terminal.resume();
  });
}

/**
 * @param prompt - shown on stderr, e.g. "Passphrase of node.key: "
 * @throws CoreError CORE_PASSPHRASE when there is neither file nor terminal, or nothing was typed
 */
export async function readPassphrase(prompt: string): Promise<string> {
  const path = process.env.RADPASS_PASSPHRASE_FILE;
  if (path !== undefined && path !== '') return passphraseFromFile(path);
  if (!process.stdin.isTTY) throw refuse('no terminal to ask on, and RADPASS_PASSPHRASE_FILE is not set');
  return passphraseFromTerminal(process.stdin, text => process.stderr.write(text), prompt);
}
