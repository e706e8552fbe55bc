/** EFLAGS bits (SDM volume 1, 3.4.3), as far as translated code names them. */
export { AF, CF, DF, IF, OF, PF, RF, SF, VM, ZF } from "../runtime/abi.ts";
