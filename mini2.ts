import { readFileSync } from "node:fs";
import { createMachine } from "./src/api.ts";
const m = createMachine({ memory: 256 << 20, engine: (process.argv[2] ?? "translate") as "translate", script: [{ kind: "expect", text: new TextEncoder().encode("~ # ") }] as never });
m.onSerial = (b) => { if (process.env.OUT) process.stdout.write(String.fromCharCode(b)); };
m.boot({ kernel: { name: "linux", bytes: new Uint8Array(readFileSync("guests/debian/linux")) }, initrd: { name: "i", bytes: new Uint8Array(readFileSync("guests/debian/initrd.gz")) }, commandLine: "console=ttyS0 rdinit=/bin/sh" });
const t = performance.now(); let last = 0, lt = t;
let e; do { e = m.run({ maxInstructions: 5e8 }); const now = performance.now(); const st = m.vcpu.stats as any; const rs = (m.vcpu as any).regionStats; console.error(`tr ${((st.translated - (globalThis as any).lt || 0) / 1e6).toFixed(0)}M ent ${((st.entries - (globalThis as any).le || 0) / 1e3).toFixed(0)}k steps ${((st.exactSteps - (globalThis as any).ls || 0) / 1e3).toFixed(0)}k made ${rs.made} `, `[${(m.instructions / 1e9).toFixed(2)}G ${((m.instructions - last) / (now - lt) / 1000).toFixed(0)} MIPS ${((now - t) / 1000).toFixed(1)}s]`); last = m.instructions; lt = now; (globalThis as any).lt = st.translated; (globalThis as any).le = st.entries; (globalThis as any).ls = st.exactSteps; } while (e.reason === "budget");
console.error(e, m.instructions, ((performance.now() - t) / 1000).toFixed(2) + " s", m.vcpu.stats, Math.round(process.resourceUsage().maxRSS / 1024) + " MB");
(m.vcpu as any).dump?.();
