export const mutants: readonly { name: string; file: string; find: string; replace: string; test: string }[];
