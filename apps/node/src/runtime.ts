/** The system's clock and the log, as the packages want them handed in. */
import { pino } from 'pino';

export type Log = (event: string, fields: Record<string, string | number | boolean>) => void;

export const systemClock = {
  now: (): number => Date.now(),
  monotonic: (): number => performance.now(),
  setTimeout: (run: () => void, ms: number): (() => void) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/** One JSON object a line on stderr; fields are heights, counts and codes, never keys, addresses or people. */
export function createLog(): Log {
  const logger = pino(
    { base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 2, sync: true }),
  );
  return (event, fields) => logger.info(fields, event);
}
