/** The gateway's configuration: one JSON file; an unknown or wrong field is an error naming it. */
import { z } from 'zod';

const node = z.strictObject({ url: z.string().describe('HTTP API of a node'), ca: z.string().optional() });

export const configSchema = z.strictObject({
  /** What the ledger publishes for this source: the ITI-43 endpoint. */
  url: z.string(),
  /** Without TLS, only connections from these addresses (reverse proxies) are taken. */
  listen: z.strictObject({ address: z.string(), plainBehindProxy: z.array(z.string()).min(1).max(16).optional() }),
  tls: z.strictObject({ cert: z.string(), key: z.string(), clientCa: z.string().optional() }).optional(),
  /** File with the source key. */
  key: z.string(),
  node: z.array(node).min(1).max(8),
  dataDir: z.string(),
  images: z.strictObject({ kind: z.literal('folder'), path: z.string(), stableMs: z.number().int().min(0).optional() }),
  desk: z.strictObject({ listen: z.string() }),
  policy: z.strictObject({ maxStalenessMs: z.number().int().min(1000).max(60_000).optional() }).optional(),
});
export type GatewayConfig = z.output<typeof configSchema>;

export const defaultMaxStalenessMs = 60_000;
