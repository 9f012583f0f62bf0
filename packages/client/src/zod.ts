/** The only importer of zod: told to make no code from text, which a page with a strict Content-Security-Policy would block and report. */
import { z } from 'zod';

z.config({ jitless: true });

export { z };
