/** The state's tables by the names that `/v1/proof` takes. */
import { tables } from '@radpass/ledger';

export const tableNumbers: ReadonlyMap<string, number> = new Map(Object.entries(tables));
