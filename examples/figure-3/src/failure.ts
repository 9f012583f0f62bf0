/** The demo's own failures: something that the paper promises did not happen, or something that it forbids did. */
import { CodedError } from '@radpass/core';

export type DemoFailureDetail =
  | { code: 'DEMO_EXPECTATION'; step: string; expected: string; got: string }
  | { code: 'DEMO_PROCESS'; process: string; reason: string }
  | { code: 'DEMO_FOLDER'; path: string; reason: string }
  | { code: 'DEMO_INTERRUPTED' };

export class DemoFailure extends CodedError<DemoFailureDetail> {}

/** The step did not end as it must. */
export function unexpected(step: string, expected: string, got: string): DemoFailure {
  return new DemoFailure(
    { code: 'DEMO_EXPECTATION', step, expected, got },
    `${step}: expected ${expected}, but got ${got}`,
  );
}
