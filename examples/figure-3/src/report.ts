/** What `--json` prints; the story is made from the same values. */
import type { ComparedFile } from './study.js';

export interface ReportedStep {
  /** Letter of the block in Figure 3. */
  block: 'A' | 'B' | 'C' | 'D';
  actor: 'hospital' | 'patient' | 'doctor';
  /** The real tuple, or in block D the request, in the paper's notation. */
  notation: string;
  /** The transaction; in block D the Allow Access that let the request through. */
  txId: string;
  height: number;
  grade: string;
  /** From posting to final; in block D from the request to the unpacked study. */
  ms: number;
}

export interface ReportedRefusal {
  name: string;
  httpStatus: number;
  /** What the asking side was told: the IHE error code, or the fault's subcode. */
  code: string;
  /** What the hospital's audit says; outside, several reasons look alike. */
  auditReason: string;
  /** Bytes of the study that left. */
  bytesSent: number;
}

export interface ReportedNode {
  finalHeight: number;
  stateRoot: string;
  /** True once `radpass-node verify` has replayed the stopped node's folder; null while it runs (--serve). */
  verify: boolean | null;
}

export interface Report {
  ok: true;
  chainId: string;
  steps: ReportedStep[];
  refusals: ReportedRefusal[];
  files: ComparedFile[];
  documentSha256: string;
  nodes: ReportedNode[];
  took_ms: number;
}
