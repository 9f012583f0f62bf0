/** Keep it, and of what was kept the newest `max`. */
export function keepBounded<T>(kept: Map<string, T>, name: string, value: T, max: number): void {
  kept.set(name, value);
  for (const oldest of kept.keys()) {
    if (kept.size <= max) break;
    kept.delete(oldest);
  }
}
