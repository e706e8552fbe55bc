/** ENTER (SDM volume 2A): a stack frame with the frame pointers of the enclosing levels. */
import type { GuestMemory } from "./memory.ts";
import type { Monitor } from "./monitor/context.ts";
import { linearAddress } from "./monitor/segments.ts";

const ESP = 4, EBP = 5, SS = 2;

/** `bytes` of locals, nesting `level` (modulo 32). A fault on the way leaves ESP and EBP as they were. */
export function enterFrame(m: Monitor, memory: GuestMemory, bytes: number, level: number, size: 2 | 4): void {
  const { words } = m.cpu, mask = m.cpu.stackMask, ring = memory.current;
  const at = (pointer: number, write: boolean): number => linearAddress(m, SS, pointer & mask, size, write);
  let esp = words[ESP]!, ebp = words[EBP]!;
  const push = (value: number): void => {
    esp = (esp & ~mask) | ((esp - size) & mask);
    ring.store(at(esp, true), size, value);
  };
  push(ebp);
  const frame = esp;
  const depth = level & 31;
  for (let k = 1; k < depth; k++) {
    ebp = (ebp & ~mask) | ((ebp - size) & mask);
    push(ring.load(at(ebp, false), size));
  }
  if (depth > 0) push(frame);
  esp = (esp & ~mask) | ((esp - (bytes & 0xffff)) & mask);
  ring.checkWrite(at(esp, true), size); // the processor checks that the new top can be written
  words[ESP] = esp;
  words[EBP] = size === 4 ? frame : (words[EBP]! & ~0xffff) | (frame & 0xffff);
}
