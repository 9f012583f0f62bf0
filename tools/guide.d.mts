export function shellBlocks(markdown: string): string[];
export function runGuide(
  document: string,
  folder: string,
  env?: Record<string, string>,
): Promise<{ code: number; output: string; begun: number; blocks: number }>;
