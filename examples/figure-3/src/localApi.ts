/** The local surfaces (a node's admin, a gateway's desk): loopback, with the token that lies in the data folder. */
import { readFile } from 'node:fs/promises';
import { nodeFetch } from '@radpass/client/node';
import { unexpected } from './failure.js';

export interface LocalApi {
  url: string;
  tokenFile: string;
}

/** GET, or POST with {post: true}. @returns the JSON answer */
export async function askLocal(api: LocalApi, path: string, p: { post?: boolean } = {}): Promise<unknown> {
  const token = (await readFile(api.tokenFile, 'utf8')).trim();
  const answer = await nodeFetch()(`${api.url}${path}`, {
    method: p.post ? 'POST' : 'GET',
    headers: { authorization: `Bearer ${token}` },
  });
  const text = new TextDecoder().decode(await answer.arrayBuffer());
  if (answer.status !== 200) throw unexpected(path, 'status 200', `${answer.status} ${text.slice(0, 200)}`);
  return JSON.parse(text);
}
