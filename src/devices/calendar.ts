/** Time and date as an MC146818 keeps them: bytes in BCD or binary, hours by 12 or 24, a day of the week that counts by itself. */
export const SECONDS = 0x00, SECONDS_ALARM = 0x01, MINUTES = 0x02, MINUTES_ALARM = 0x03, HOURS = 0x04, HOURS_ALARM = 0x05;
export const DAY_OF_WEEK = 0x06, DATE_OF_MONTH = 0x07, MONTH = 0x08, YEAR = 0x09;
/** In battery-backed RAM, where PC firmware and chip sets keep it. */
export const CENTURY = 0x32;

export interface Format {
  /** Binary, else BCD (DM of register B). */
  readonly binary: boolean;
  /** Hours from 0 to 23, else 1 to 12 with bit 7 for the afternoon. */
  readonly hours24: boolean;
}

const PM = 0x80, DONT_CARE = 0xc0;
const DAY = 86_400, MILLISECONDS_OF_DAY = DAY * 1000;
/** The Gregorian calendar repeats after 400 years; `Date.UTC` takes the years before 100 for something else. */
const CYCLE_YEARS = 400;

function decode(byte: number, format: Format): number {
  return format.binary ? byte : (byte >> 4) * 10 + (byte & 15);
}

function encode(value: number, format: Format): number {
  return format.binary ? value : (Math.floor(value / 10) << 4) | (value % 10);
}

function decodeHours(byte: number, format: Format): number {
  if (format.hours24) return decode(byte, format);
  return (decode(byte & ~PM, format) % 12) + ((byte & PM) === 0 ? 0 : 12);
}

function encodeHours(hours: number, format: Format): number {
  if (format.hours24) return encode(hours, format);
  return encode(((hours + 11) % 12) + 1, format) | (hours < 12 ? 0 : PM);
}

/** Milliseconds since 1970, 400 years ahead. */
function readDate(registers: Uint8Array, format: Format): number {
  const field = (index: number): number => decode(registers[index]!, format);
  return Date.UTC(field(CENTURY) * 100 + field(YEAR) + CYCLE_YEARS, field(MONTH) - 1, field(DATE_OF_MONTH),
    decodeHours(registers[HOURS]!, format), field(MINUTES), field(SECONDS));
}

function writeDate(registers: Uint8Array, milliseconds: number, format: Format): void {
  const date = new Date(milliseconds), year = date.getUTCFullYear() - CYCLE_YEARS;
  registers[SECONDS] = encode(date.getUTCSeconds(), format);
  registers[MINUTES] = encode(date.getUTCMinutes(), format);
  registers[HOURS] = encodeHours(date.getUTCHours(), format);
  registers[DATE_OF_MONTH] = encode(date.getUTCDate(), format);
  registers[MONTH] = encode(date.getUTCMonth() + 1, format);
  registers[YEAR] = encode(year % 100, format);
  registers[CENTURY] = encode(Math.floor(year / 100) % 100, format);
}

/** Sets the registers to a time in ms since 1970 UTC. */
export function setCalendar(registers: Uint8Array, milliseconds: number, format: Format): void {
  const date = new Date(milliseconds);
  date.setUTCFullYear(date.getUTCFullYear() + CYCLE_YEARS);
  writeDate(registers, date.getTime(), format);
  registers[DAY_OF_WEEK] = date.getUTCDay() + 1; // 1 is Sunday; 400 years are whole weeks
}

/** Counts the registers up by seconds; values out of range, which only a guest can have written, carry over. */
export function advanceCalendar(registers: Uint8Array, seconds: number, format: Format): void {
  const before = readDate(registers, format), after = before + seconds * 1000;
  writeDate(registers, after, format);
  const days = Math.floor(after / MILLISECONDS_OF_DAY) - Math.floor(before / MILLISECONDS_OF_DAY);
  const weekday = decode(registers[DAY_OF_WEEK]!, format);
  if (days > 0) registers[DAY_OF_WEEK] = encode(((weekday + 6 + days) % 7) + 1, format);
}

/** Seconds until time and alarm registers next agree, 1 to 86,400, or Infinity. An alarm byte from C0h on agrees with all. */
export function secondsToAlarm(registers: Uint8Array, format: Format): number {
  const alarm = (index: number, value: number): number | undefined => (registers[index]! >= DONT_CARE ? undefined : value);
  const hour = alarm(HOURS_ALARM, decodeHours(registers[HOURS_ALARM]!, format));
  const minute = alarm(MINUTES_ALARM, decode(registers[MINUTES_ALARM]!, format));
  const second = alarm(SECONDS_ALARM, decode(registers[SECONDS_ALARM]!, format));
  const now = Math.floor(readDate(registers, format) / 1000) % DAY;
  for (let at = now + 1; at <= now + DAY;) {
    const h = Math.floor(at / 3600) % 24, m = Math.floor(at / 60) % 60, s = at % 60;
    if (hour !== undefined && h !== hour) at += 3600 - (at % 3600);
    else if (minute !== undefined && m !== minute) at += 60 - (at % 60);
    else if (second !== undefined && s !== second) at++;
    else return at - now;
  }
  return Infinity;
}
