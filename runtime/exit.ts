/** Why a virtual CPU came back to its machine, as KVM_RUN returns a reason. */
export type VcpuExit =
  /** The budget is used up, to the instruction. */
  | { readonly reason: "budget" }
  /** HLT: nothing more happens until an interrupt. `interruptible` is EFLAGS.IF. */
  | { readonly reason: "halt"; readonly interruptible: boolean }
  /** `VcpuHost.pauseRequested` said so; nothing happened. */
  | { readonly reason: "paused" }
  /** Triple fault, or a hang: faults without end and no instruction between them. */
  | { readonly reason: "shutdown" }
  /** `VcpuHost.stopRequested` became true: a device asked for the machine's attention (reset, debug exit, expected text). */
  | { readonly reason: "stop" };

/** What a virtual CPU needs of its machine. All of it is asked at exact instruction counts, in both engines alike. */
export interface VcpuHost {
  /** The guest time at which `advance` must next be called, or Infinity. May change at every port access and `advance`. */
  nextEvent(): number;
  /** Whether `nextEvent` may answer otherwise than it did when this was asked last. */
  eventMoved(): boolean;
  /** Lets device time come up to `now()`. */
  advance(): void;
  /** The interrupt controller's output line. */
  interruptRequested(): boolean;
  /** The interrupt acknowledge cycle: the vector. */
  acknowledgeInterrupt(): number;
  /** FERR# is asserted: CR0.NE is 0 and a waiting x87 instruction met an unmasked exception. Returns whether IGNNE# lets it go on. */
  floatingPointError(): boolean;
  /** FERR# is negated: no unmasked x87 exception is left. */
  floatingPointErrorCleared(): void;
  /** Asked every few ms of host time, whatever the guest does: whether `run` is to come back although its budget is not used up. */
  pauseRequested(): boolean;
  /** Looked at after every port access and every `advance`. */
  stopRequested(): boolean;
}
