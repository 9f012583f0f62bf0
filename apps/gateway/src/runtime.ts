/** The log, as the packages want it handed in. */
import { pino } from 'pino';

export type Log = (event: string, fields: Record<string, string | number | boolean>) => void;

/** One JSON object a line on stderr; fields are counts and codes, never keys, addresses or people. */
export function createLog(): Log {
  const logger = pino(
    { base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 2, sync: true }),
  );
  return (event, fields) => logger.info(fields, event);
}
