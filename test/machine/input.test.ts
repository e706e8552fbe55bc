import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BYTE_INTERVAL, InputQueue, Script, parseSendText, type Receiver, type ScriptStep } from "../../src/input.ts";
import { parseRecording, recordedEnd, recordedEvent, recordingHeader } from "../../src/recording.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const texts = (...steps: ReadonlyArray<readonly ["expect" | "send", string]>): ScriptStep[] =>
  steps.map(([kind, text]) => (kind === "expect" ? { kind, text: bytes(text) } : { kind, bytes: bytes(text) }));

class Buffer implements Receiver {
  readonly received: number[] = [];
  receiverEmpty = true;
  receive(byte: number): void {
    this.received.push(byte);
    this.receiverEmpty = false;
  }
}

describe("the input queue", () => {
  it("lets a byte in when its time has come and the byte before was read", () => {
    const buffer = new Buffer(), queue = new InputQueue(buffer);
    queue.queue({ time: 500, bytes: bytes("ab") });
    expect(queue.nextEvent()).toBe(500);
    queue.advance(499);
    expect(buffer.received).toEqual([]);
    queue.advance(500);
    expect(buffer.received).toEqual([97]);
    expect(queue.nextEvent()).toBe(Infinity);
    buffer.receiverEmpty = true;
    expect(queue.nextEvent()).toBe(500 + BYTE_INTERVAL);
    queue.advance(20_000);
    expect(buffer.received).toEqual([97, 98]);
    buffer.receiverEmpty = true;
    expect(queue.nextEvent()).toBe(Infinity);
  });

  it("keeps the order of times, and of arrival at one time", () => {
    const buffer = new Buffer(), queue = new InputQueue(buffer);
    queue.queue({ time: 30, bytes: bytes("d") });
    queue.queue({ time: 10, bytes: bytes("ab") });
    queue.queue({ time: 10, bytes: bytes("c") });
    for (let time = 10; queue.nextEvent() < Infinity; time += BYTE_INTERVAL) { queue.advance(time); buffer.receiverEmpty = true; }
    expect(String.fromCharCode(...buffer.received)).toBe("abcd");
  });

  it("does not tear a text apart whose first byte has entered", () => {
    const buffer = new Buffer(), queue = new InputQueue(buffer);
    queue.queue({ time: 100, bytes: bytes("xy") });
    queue.advance(100);
    queue.queue({ time: 50, bytes: bytes("z") });
    const saved = queue.save();
    for (let time = 200_000; buffer.received.length < 3; time += BYTE_INTERVAL) { buffer.receiverEmpty = true; queue.advance(time); }
    expect(String.fromCharCode(...buffer.received)).toBe("xyz");
    queue.restore(saved);
    buffer.receiverEmpty = true;
    queue.advance(900_000);
    expect(buffer.received.at(-1)).toBe("y".charCodeAt(0));
  });
});

describe("the script", () => {
  function play(steps: ScriptStep[], output: string): { readonly script: Script; readonly sent: Array<readonly [number, string]> } {
    const script = new Script(steps), sent: Array<readonly [number, string]> = [];
    let position = 0;
    script.onSend = (text) => sent.push([position, new TextDecoder().decode(text)]);
    script.start();
    for (const byte of bytes(output)) { position++; script.transmitted(byte); }
    return { script, sent };
  }

  it("sends what stands behind a text when the text is complete", () => {
    const { script, sent } = play(texts(["send", "a"], ["expect", "# "], ["send", "b"], ["send", "c"], ["expect", "# "]), "boot # ran\r\n# ");
    expect(sent).toEqual([[0, "a"], [7, "b"], [7, "c"]]);
    expect(script.satisfied).toBe(true);
  });

  it("begins a match after the end of the match before", () => {
    expect(play(texts(["expect", "aba"], ["expect", "aba"]), "ababa").script.satisfied).toBe(false);
    expect(play(texts(["expect", "aba"], ["expect", "aba"]), "abababa").script.satisfied).toBe(true);
  });

  it("is never satisfied without expectations", () => {
    expect(play(texts(["send", "a"]), "x").script.satisfied).toBe(false);
    expect(play([], "x").script.missing).toBeUndefined();
  });

  it("names the first text that is missing", () => {
    expect(play(texts(["expect", "one"], ["expect", "two"]), "one").script.missing).toEqual(bytes("two"));
  });

  it("finds what indexOf finds", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b"), minLength: 1, maxLength: 5 });
    fc.assert(fc.property(fc.array(letters, { minLength: 1, maxLength: 4 }), fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 40 }), (expected, output) => {
      let at = 0;
      for (const text of expected) { const found = at < 0 ? -1 : output.indexOf(text, at); at = found < 0 ? -1 : found + text.length; }
      expect(play(texts(...expected.map((text) => ["expect", text] as const)), output).script.satisfied).toBe(at >= 0);
    }));
  });
});

describe("the text of --send", () => {
  it("knows its escapes", () => {
    expect([...parseSendText("a\\n\\r\\t\\x1b[6n\\\\é")]).toEqual([97, 10, 13, 9, 27, 91, 54, 110, 92, 0xc3, 0xa9]);
    expect(parseSendText("")).toEqual(new Uint8Array(0));
  });

  it.each(["\\q", "end\\", "\\x1"])("refuses %s", (text) => {
    expect(() => parseSendText(text)).toThrow(/unknown escape/);
  });
});

describe("a recording", () => {
  const rtc = Date.UTC(2030, 4, 6);

  it("reads back what was written", () => {
    const event = { time: 123_456_789_012, bytes: Uint8Array.of(0, 10, 255) };
    expect(parseRecording(recordingHeader(rtc) + recordedEvent(event) + recordedEnd(999), "r")).toEqual({ rtc, events: [event], end: 999 });
  });

  it("leaves out a line that was cut off", () => {
    expect(parseRecording(`${recordingHeader(rtc)}{"time": 12`, "r").events).toEqual([]);
  });

  it.each(["", "{}\n", "text\n", `${recordingHeader(rtc)}{"time":-1,"bytes":"00"}\n`, `${recordingHeader(rtc)}{"time":1}\n`, `${recordingHeader(rtc)}{"time":1,"bytes":"0"}\n`])(
    "refuses %j", (text) => { expect(() => parseRecording(text, "session.txt")).toThrow(/^session\.txt: /); });
});
