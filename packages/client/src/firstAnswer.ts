import type { NodeApi } from './nodeApi.js';

/** The first good answer, one node after the other. @throws what the last one failed with */
export async function firstAnswer<T>(nodes: readonly NodeApi[], ask: (node: NodeApi) => Promise<T>): Promise<T> {
  let failure: unknown = new RangeError('no nodes are named');
  for (const node of nodes) {
    try {
      return await ask(node);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}
