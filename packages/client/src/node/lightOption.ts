/** What programs share to check their nodes: nodes from a list of URLs, a checkpoint from a flag, the light client's file. */
import { readFileSync } from 'node:fs';
import { type NamedCheckpoint, parseCheckpoint, parseCheckpointName } from '@radpass/ledger/light';
import { LightNodes, type LightNodesInit } from '../lightNodes.js';
import { NodeApi } from '../nodeApi.js';
import { UsageError } from './commandLine.js';
import { type NodeFetchInit, nodeFetch } from './nodeFetch.js';
import { loadRecord, saveRecord } from './recordFile.js';

/** Nodes of a comma-separated list of URLs. @throws UsageError when it names none */
export function nodesOfList(urls: string, p: NodeFetchInit = {}): [NodeApi, ...NodeApi[]] {
  const fetch = nodeFetch(p);
  const [first, ...others] = urls.split(',').filter(url => url !== '');
  if (first === undefined) throw new UsageError('no node is named');
  return [new NodeApi({ url: first, fetch }), ...others.map(url => new NodeApi({ url, fetch }))];
}

/** A checkpoint's file, or SLOT:BLOCKID by hand. @throws UsageError, LedgerError LEDGER_CHECKPOINT */
export function readCheckpoint(given: string): NamedCheckpoint | { slot: number; blockId: Uint8Array } {
  const named = parseCheckpointName(given);
  if (named) return named;
  let text: string;
  try {
    text = readFileSync(given, 'utf8');
  } catch {
    throw new UsageError(`${given}: neither SLOT:BLOCKID nor the file of a checkpoint that can be read`);
  }
  return parseCheckpoint(text);
}

/** Light nodes whose state is a file. Who can write it can make them believe anything: it lies in the program's own folder. */
export async function openLightFile(path: string, p: Omit<LightNodesInit, 'saved' | 'save'>): Promise<LightNodes> {
  return LightNodes.open({ ...p, saved: await loadRecord(path), save: state => saveRecord(path, state) });
}
