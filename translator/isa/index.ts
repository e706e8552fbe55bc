/** The whole table: what the decoder is built from and what counts of coverage are made over. */
import type { Encoding } from "./encoding.ts";
import { ONE_BYTE as INTEGER } from "./one-byte.ts";
import type { Row } from "./row.ts";
import { TWO_BYTE } from "./two-byte.ts";
import { X87 } from "./x87.ts";

/** Encodings by opcode map: those without and with 0Fh. */
export const ONE_BYTE_MAP: readonly Encoding[] = [...INTEGER, ...X87];
export const TWO_BYTE_MAP: readonly Encoding[] = TWO_BYTE;

/** Encodings as the manual groups them. */
export const SECTIONS = { "one-byte": INTEGER, "two-byte": TWO_BYTE, x87: X87 } as const;

/** Every row once; rows that have a register in the opcode are one row with eight encodings. */
export const ROWS: readonly Row[] = [...new Set([...ONE_BYTE_MAP, ...TWO_BYTE_MAP].map((encoding) => encoding.row))];
