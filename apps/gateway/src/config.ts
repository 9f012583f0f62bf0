/** The gateway's configuration: one JSON file; an unknown or wrong field is an error naming it. */
import { isLoopback } from '@radpass/client/node';
import { z } from 'zod';

const node = z.strictObject({ url: z.string().describe('HTTP API of a node'), ca: z.string().optional() });

/** Images and credentials travel this way: TLS, but for an archive on this machine. */
function isArchiveUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password, search, hash } = new URL(text);
  if (username + password + search + hash !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
}

const stableMs = z.number().int().min(0).optional();
const hour = z.number().int().min(0).max(23);
/** From, to, by this machine's clock: when studies may be read before somebody asks for them. */
const aheadHours = z.tuple([hour, hour]).optional();
const images = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('folder'), path: z.string(), stableMs, aheadHours }),
  z.strictObject({
    kind: z.literal('dicomweb'),
    /** The archive's DICOMweb root. */
    url: z.string().refine(isArchiveUrl, 'https, or http on loopback, and no user information or query'),
    headers: z.record(z.string(), z.string()).optional(),
    ca: z.string().optional(),
    stableMs,
    aheadHours,
  }),
]);

export const configSchema = z.strictObject({
  /** What the ledger publishes for this source: the ITI-43 endpoint. */
  url: z.string(),
  /** Without TLS, only connections from these addresses (reverse proxies) are taken. */
  listen: z.strictObject({ address: z.string(), plainBehindProxy: z.array(z.string()).min(1).max(16).optional() }),
  tls: z.strictObject({ cert: z.string(), key: z.string(), clientCa: z.string().optional() }).optional(),
  /** File with the source key. */
  key: z.string(),
  node: z.array(node).min(1).max(8),
  /** The network: then the nodes' proofs are checked. Without it they are believed, so they have to be your own. */
  chainId: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  /** A block to begin at where trust is too old: the file of a checkpoint, or SLOT:BLOCKID. */
  checkpoint: z.string().optional(),
  dataDir: z.string(),
  images,
  /** Encrypted copies of what an archive serves. */
  spool: z
    .strictObject({
      path: z.string().optional(),
      maxBytes: z.number().int().min(1).optional(),
      ttlHours: z
        .number()
        .positive()
        .max(24 * 365)
        .optional(),
    })
    .optional(),
  desk: z.strictObject({ listen: z.string() }),
  /** Forward proxy for nodes that are not on this machine: http://[user:password@]HOST:PORT. */
  outbound: z.strictObject({ proxy: z.string() }).optional(),
  /** HOST:PORT of the audit repository (syslog over TLS), the authority that signed it, and the gateway's own certificate. */
  audit: z.strictObject({ syslog: z.string(), ca: z.string(), cert: z.string(), key: z.string() }).optional(),
  policy: z.strictObject({ maxStalenessMs: z.number().int().min(1000).max(60_000).optional() }).optional(),
});
export type GatewayConfig = z.output<typeof configSchema>;

export const defaultMaxStalenessMs = 60_000;

export const spoolDefaults = { maxBytes: 20 * 1024 * 1024 * 1024, ttlHours: 24 };
