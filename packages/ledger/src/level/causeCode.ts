/** Codes of failures in native code and the file system. */

/** The innermost code among an error and its causes; errors of native code may come from another realm. */
export function causeCode(error: unknown): string {
  let code = '';
  for (let at: unknown = error; typeof at === 'object' && at !== null; at = 'cause' in at ? at.cause : null) {
    if ('code' in at && typeof at.code === 'string') code = at.code;
  }
  return code;
}
