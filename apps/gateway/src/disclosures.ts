/** The account of what was served to whom and who was refused, as the desk lists it: each entry with how it ended. */
import type { DisclosureClosing, DisclosureRecord, DisclosureStore } from '@radpass/xds';

const maxListed = 10_000;

export interface ListedDisclosure extends Omit<DisclosureRecord, 'request' | 'proof'> {
  seq: number;
  /** Absent for a refusal, and for a transfer that is under way or that the process did not survive. */
  closing?: Omit<DisclosureClosing, 'kind' | 'of'>;
}

/** The newest entries, oldest first. @param patient - only what concerns this patient key (64 hex) */
export async function listDisclosures(store: DisclosureStore, patient?: string): Promise<ListedDisclosure[]> {
  const listed = new Map<number, ListedDisclosure>();
  for await (const { seq, body } of store.all()) {
    if (body.kind === 'closed') {
      const { kind: _kind, of, ...closing } = body;
      const served = listed.get(of);
      if (served) served.closing = closing;
    } else if (patient === undefined || body.owner === patient) {
      const { request: _request, proof: _proof, ...record } = body;
      listed.set(seq, { seq, ...record });
      if (listed.size > maxListed) listed.delete(listed.keys().next().value ?? 0);
    }
  }
  return [...listed.values()];
}
