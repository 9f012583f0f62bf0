/**
 * One key pair a study, all from twelve words: nobody can link two studies by their patient keys.
 *
 *   study key number i = SLIP-0010 m/7107'/device'/i' of the BIP39 seed of the words (no BIP39 passphrase)
 *
 * `device` is 31 random bits kept beside the words: two wallets that share words never hand out the same key.
 */
import { type RandomBytes, randomBytes } from './bytes.js';
import { CoreError } from './errors.js';
import { SecretKey } from './keys.js';
import {
  type DerivedKey,
  entropyOfMnemonic,
  mnemonicOfEntropy,
  mnemonicToSeed,
  slip10Child,
  slip10Master,
} from './mnemonic.js';

/** All that is needed to make every key again. Secret. */
export interface KeyringBackup {
  /** Twelve words. */
  mnemonic: string;
  /** Whole number below 2^31. */
  device: number;
}

const purposeIndex = 7107;
const entropyBytes = 16;

export class Keyring {
  readonly #entropy: Uint8Array;
  readonly #device: number;
  /** m/7107'/device' */
  readonly #node: DerivedKey;

  private constructor(entropy: Uint8Array, device: number) {
    this.#entropy = entropy;
    this.#device = device;
    const seed = mnemonicToSeed(mnemonicOfEntropy(entropy));
    this.#node = slip10Child(slip10Child(slip10Master(seed), purposeIndex), device);
  }

  static create(random: RandomBytes = randomBytes): Keyring {
    const [a = 0, b = 0, c = 0, d = 0] = random(4);
    const device = (a & 0x7f) * 0x100_0000 + b * 0x1_0000 + c * 0x100 + d;
    return new Keyring(random(entropyBytes), device);
  }

  /** @throws CoreError CORE_MNEMONIC for words or a device number that no keyring has */
  static fromBackup(backup: KeyringBackup): Keyring {
    const { mnemonic, device } = backup;
    if (!Number.isInteger(device) || device < 0 || device >= 2 ** 31) {
      const reason = 'the device number is not a whole number below 2^31';
      throw new CoreError({ code: 'CORE_MNEMONIC', reason }, `not a backup: ${reason}`);
    }
    const entropy = entropyOfMnemonic(mnemonic);
    if (entropy.length !== entropyBytes) {
      const reason = 'twelve words are expected';
      throw new CoreError({ code: 'CORE_MNEMONIC', reason }, `not a backup: ${reason}`);
    }
    return new Keyring(entropy, device);
  }

  backup(): KeyringBackup {
    return { mnemonic: mnemonicOfEntropy(this.#entropy), device: this.#device };
  }

  /** Key pair number `index` (below 2^31), role patient. */
  studyKey(index: number): SecretKey {
    return SecretKey.fromSeed(slip10Child(this.#node, index).key, 'patient');
  }

  toString(): string {
    return 'Keyring(redacted)';
  }

  toJSON(): string {
    return this.toString();
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}
