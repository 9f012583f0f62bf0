/** Make `ca`, `other`, and what they sign: `collector` (127.0.0.1), `gateway`, `stranger`, each as .crt and .key. */
export function makeCertificates(folder: string): void;
export class Collector {
  /** @param folder - empty, for certificates, configuration and what is received */
  constructor(folder: string);
  readonly port: number;
  start(): Promise<void>;
  stop(): Promise<void>;
  received(): string[];
  waitFor(count: number): Promise<string[]>;
  setting(client?: 'gateway' | 'stranger'): { syslog: string; ca: string; cert: string; key: string };
}
export function freePort(): Promise<number>;
