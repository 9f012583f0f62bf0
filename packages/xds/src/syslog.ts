/**
 * An audit message as syslog carries it (IHE ITI-20 with TLS, DICOM PS3.15 A.6).
 *
 *   RFC 5424   "<85>1 " time " " host " " program " " process id " IHE+RFC-3881 - " BOM message
 *   RFC 5425   the length of that in bytes, decimal, " ", and the bytes
 *
 * 85 = facility 10 (security and authorization), severity 5 (notice). The byte order mark says that the message is UTF-8.
 */
import { concatBytes, utf8 } from '@radpass/core';

const priority = 10 * 8 + 5;
const program = 'radpass';
const messageKind = 'IHE+RFC-3881';

export interface SyslogMessage {
  /** Unix ms. */
  time: number;
  host: string;
  processId: number;
  text: string;
}

/** One message in its frame. */
export function frameSyslog({ time, host, processId, text }: SyslogMessage): Uint8Array {
  const name = /^[!-~]{1,255}$/.test(host) ? host : '-';
  const header = [`<${priority}>1`, new Date(time).toISOString(), name, program, processId, messageKind, '-'].join(' ');
  const message = utf8(`${header} \ufeff${text}`);
  return concatBytes(utf8(`${message.length} `), message);
}
