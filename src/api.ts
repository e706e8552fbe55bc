/**
 * calque as a library: a PC in JavaScript.
 *
 *     const machine = createMachine({ memory: 64 << 20 });
 *     machine.onSerial = (byte) => console.log(byte);
 *     machine.boot({ kernel: { name: "kernel.elf", bytes } });
 *     const exit = machine.run({ maxInstructions: 100_000_000 });
 */
export { CalqueError } from "./error.ts";
export { createMachine } from "./pc.ts";
export { Machine } from "./machine.ts";
export type { MachineExit, MachineOptions, MachineState, RunLimits, StopEvent } from "./machine.ts";
export { parseSendText } from "./input.ts";
export type { InputEvent, ScriptStep } from "./input.ts";
export { parseRecording, recordedEnd, recordedEvent, recordingHeader } from "./recording.ts";
export type { Recording } from "./recording.ts";
export { recognize } from "./loaders/recognize.ts";
export type { BootOptions, ImageKind } from "./loaders/recognize.ts";
export type { NamedBytes } from "./loaders/image.ts";
export { formatRegisters, readLinear, translateLinear } from "./inspect.ts";
export { disassemble, formatLine } from "./listing.ts";
export type { ListingLine } from "./listing.ts";
export { SymbolTable, ownSymbols, readSymbols } from "./symbols.ts";
export type { GuestSymbol, Named } from "./symbols.ts";
export { Tracer } from "./trace/tracer.ts";
export type { TraceFormat, TraceSelection } from "./trace/tracer.ts";
export { BlockFormat, InstructionFormat } from "./trace/text-format.ts";
export { QemuFormat } from "./trace/qemu-format.ts";
