/** Replay of test/vectors/light.json through the light entry alone: in Node and, bundled, in a browser's page. */
import { CodedError, fromHex, toHex } from '@radpass/core';
import { LightClient, parseGenesis, parseLightUpdate } from '../../dist/light.js';

/** What a step leads to. */
export interface LightOutcome {
  /** 'none', or the fault of a refusal, or its code. */
  refused: string;
  root: [slot: number, id: string];
  final: [slot: number, id: string, stateRoot: string];
}

function faultOf(error: unknown): string {
  if (!(error instanceof CodedError)) throw error;
  const { code, fault } = error.detail as { code: string; fault?: string };
  return fault ?? code;
}

/** The outcome of each step; after each the client is saved and loaded again. */
export function replayLight(p: { genesis: string; steps: { nowMs: number; update: string }[] }): LightOutcome[] {
  const genesis = parseGenesis(fromHex(p.genesis));
  const { chainId } = genesis;
  let client = LightClient.open({ genesis, nowMs: genesis.genesisTimeMs });
  return p.steps.map(({ nowMs, update }) => {
    let refused = 'none';
    try {
      client.advance(parseLightUpdate(fromHex(update)), nowMs);
      client = LightClient.load(client.save(), { chainId, nowMs });
    } catch (error) {
      refused = faultOf(error);
    }
    const { root, final } = client;
    return {
      refused,
      root: [root.slot, toHex(root.id)],
      final: [final.slot, toHex(final.blockId), toHex(final.stateRoot)],
    };
  });
}
