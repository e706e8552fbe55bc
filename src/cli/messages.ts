/** What calque itself says goes to stderr, one line at a time. */

const coloured = (): boolean => process.stderr.isTTY && !process.env["NO_COLOR"];

/** A line about the run. On a raw terminal it starts on a fresh line. */
export function warn(text: string): void {
  const lead = coloured() ? "\u001b[33mcalque:\u001b[0m" : "calque:";
  process.stderr.write(`${process.stdin.isTTY ? "\r" : ""}${lead} ${text}\n`);
}
