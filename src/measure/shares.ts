/** Percentages that add up to 100. */

/**
 * The values as parts of a hundred with so many decimals: rounded down, then the largest remainders rounded up until the sum is exactly
 * 100 (Hamilton's method). All zero where the values are.
 */
export function percentages(values: readonly number[], decimals = 2): number[] {
  const whole = 100 * 10 ** decimals, total = values.reduce((sum, value) => sum + value, 0);
  if (total === 0) return values.map(() => 0);
  const exact = values.map((value) => value / total * whole), parts = exact.map(Math.floor);
  const missing = whole - parts.reduce((sum, part) => sum + part, 0);
  const byRemainder = exact.map((value, k) => [value - parts[k]!, k] as const).sort((a, b) => b[0] - a[0] || a[1] - b[1]);
  for (const [, k] of byRemainder.slice(0, missing)) parts[k]!++;
  return parts.map((part) => part / 10 ** decimals);
}
