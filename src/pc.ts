/** A whole PC: the machine with the virtual CPU and the board that calque has. */
import { Vcpu } from "../runtime/vcpu.ts";
import { checkCode } from "../translator/translate.ts";
import { createBoard } from "./board.ts";
import { Machine, type MachineOptions, type VirtualCpu, type VirtualCpuParts } from "./machine.ts";

function createVcpu({ verifyCode, ...parts }: VirtualCpuParts): VirtualCpu {
  return new Vcpu({ ...parts, verifyCode: verifyCode ? checkCode : undefined });
}

/** Throws `CalqueError` for options that cannot be. */
export function createMachine(options: MachineOptions = {}): Machine {
  return new Machine(options, { createVcpu, createBoard });
}
