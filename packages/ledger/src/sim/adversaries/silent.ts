import { Adversary } from '../adversary.js';

/** Hears everything and says nothing: neither blocks nor votes. */
export class Silent extends Adversary {
  readonly name = 'silent';

  override send(): void {}
}
