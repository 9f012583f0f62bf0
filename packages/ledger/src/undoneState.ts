/**
 * The state after a final block that later ones have passed: the flat state at the newest final block, with what those
 * changed undone. Good for heights that still have undo records (finalize.ts); they are read when
 * first asked. Those hold values; the pages of the tree over them are made when the first of them is asked for.
 */
import { changesRecord } from './records.js';
import type { Hash } from './stateTree.js';
import { isPage, StateLayer, type StateSource } from './stateView.js';
import { damaged } from './store.js';
import { storeKeys } from './storeKeys.js';

/**
 * @param p.get - reads the store
 * @param p.height - of the block whose state is wanted
 * @param p.finalHeight - height of the flat state
 */
export function undoneState(p: {
  get: (key: string) => Uint8Array | undefined;
  height: number;
  finalHeight: number;
  hash?: Hash | undefined;
}): StateSource {
  let undone: StateLayer | null = null;
  let hasPages = false;
  const undo = (): StateLayer => {
    const layer = new StateLayer({ get: p.get }, p.hash);
    // The lowest record has the last word: it holds the value from before all others.
    for (let height = p.finalHeight; height > p.height; height--) {
      const stored = p.get(storeKeys.undo(height));
      if (!stored) throw damaged(`the undo record of block ${height} is missing`, { height });
      for (const [key, value] of changesRecord.decode(stored)) layer.set(key, value);
    }
    return layer;
  };
  return {
    get: key => {
      undone ??= undo();
      if (isPage(key) && !hasPages) {
        undone.commitRoot();
        hasPages = true;
      }
      return undone.get(key);
    },
  };
}
