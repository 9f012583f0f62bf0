/**
 * The node's local surface: loopback only, a bearer token from a file that only the operator can read, Host and
 * Origin checked against DNS rebinding. It can cut the node off from its peers and join them again, and serves metrics.
 */
import { localRefusal } from '@radpass/client/node';
import type { Chain } from '@radpass/ledger';
import type { Network } from '@radpass/p2p';
import express, { type Express } from 'express';
import { NodeError } from './errors.js';
import { send } from './httpApi.js';
import { answerErrors } from './httpErrors.js';
import type { Log } from './runtime.js';

export function createAdminApi(init: { token: string; network: Network; chain: Chain; log: Log }): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use((request, _response, next) => {
    const refusal = localRefusal(request, init.token);
    if (refusal) throw new NodeError({ code: 'NODE_FORBIDDEN', reason: refusal }, `refused: wrong ${refusal}`);
    next();
  });
  app.post('/admin/disconnect', async (_request, response) => {
    await init.network.disconnect();
    send(response, { connected: false });
  });
  app.post('/admin/reconnect', async (_request, response) => {
    await init.network.reconnect();
    send(response, { connected: true });
  });
  app.get('/metrics', (_request, response) => {
    response.type('text/plain; version=0.0.4').send(metrics(init.chain, init.network.peerCount()));
  });
  app.use(answerErrors(init.log));
  return app;
}

function metrics(chain: Chain, peers: number): string {
  const status = chain.status();
  const gauges: Record<string, number> = {
    radpass_height: status.height,
    radpass_final_height: status.finalHeight,
    radpass_final_age_ms: status.finalAgeMs,
    radpass_mempool_transactions: status.mempool,
    radpass_sources: status.sources,
    radpass_studies: status.studies,
    radpass_peers: peers,
  };
  return Object.entries(gauges)
    .map(([name, value]) => `# TYPE ${name} gauge\n${name} ${value}\n`)
    .join('');
}
