/** An 8254 counter that really counts, clock by clock, as the datasheet tells it: the oracle of the closed form. */
export class Counter8254 {
  mode = 3;
  out = true;
  gate = true;
  element = 0;
  #modulus = 0x10000;
  #register: number | undefined;
  #load = false;
  #trigger = false;
  #counting = false;
  #strobe = false;
  /** Mode 3: the count that this half period was loaded with. */
  #half = 0;

  control(mode: number, bcd: boolean): void {
    this.mode = mode;
    this.out = mode !== 0;
    this.#modulus = bcd ? 10_000 : 0x10000;
    this.element %= this.#modulus;
    this.#register = undefined;
    this.#load = this.#trigger = this.#counting = this.#strobe = false;
  }

  /** Mode 0: the first of two bytes. */
  firstByte(): void {
    if (this.mode !== 0) return;
    this.#counting = this.#load = false;
    this.out = false;
  }

  write(count: number): void {
    const initial = this.#register === undefined;
    this.#register = count;
    if (this.mode === 0 || this.mode === 4) {
      this.#load = true;
      this.out = this.mode === 4;
    }
    if ((this.mode === 2 || this.mode === 3) && initial) this.#load = true;
  }

  setGate(level: boolean): void {
    const rises = level && !this.gate;
    this.gate = level;
    if (rises && (this.mode === 1 || this.mode === 5 || this.mode === 2 || this.mode === 3)) this.#trigger = this.#register !== undefined;
    if (!level && (this.mode === 2 || this.mode === 3)) {
      this.#trigger = false;
      this.out = true;
    }
    // The end of a strobe that an action cuts short is not looked at.
    if ((this.mode === 4 && !level) || (this.mode === 5 && rises)) this.out = true;
  }

  clock(): void {
    switch (this.mode) {
      case 0: return this.#clock0();
      case 1: return this.#clock1();
      case 2: return this.#clock2();
      case 3: return this.#clock3();
      default: return this.#clockStrobe();
    }
  }

  #take(): void {
    this.element = this.#register! % this.#modulus;
    this.#load = this.#trigger = false;
    this.#counting = true;
  }

  #decrement(by = 1): number {
    return this.element = (this.element - by + this.#modulus) % this.#modulus;
  }

  #clock0(): void {
    if (this.#load) this.#take();
    else if (this.#counting && this.gate && this.#decrement() === 0) this.out = true;
  }

  #clock1(): void {
    if (this.#trigger) {
      this.#take();
      this.out = false;
    } else if (this.#counting && this.#decrement() === 0) this.out = true;
  }

  #clock2(): void {
    if (this.#load || this.#trigger) return this.#take();
    if (!this.#counting || !this.gate) return;
    if (this.element === 1) {
      this.#take();
      this.out = true;
    } else if (this.#decrement() === 1) this.out = false;
  }

  #clock3(): void {
    if (this.#load || this.#trigger) return this.#take3();
    if (!this.#counting || !this.gate) return;
    // An odd count has one clock more while the output is high, between zero and the reload.
    const odd = this.#half % 2 === 1;
    if (odd && this.out && this.element === 0) return this.#toggle3();
    if (this.#decrement(2) === 0 && !(odd && this.out)) this.#toggle3();
  }

  #toggle3(): void {
    this.out = !this.out;
    this.#take3();
  }

  #take3(): void {
    this.#take();
    this.#half = this.#register!;
    this.element = (this.#half & ~1) % this.#modulus;
  }

  #clockStrobe(): void {
    this.out = true;
    if (this.#load || this.#trigger) {
      this.#take();
      this.#strobe = true;
    } else if (this.#counting && (this.mode === 5 || this.gate) && this.#decrement() === 0) {
      this.out = !this.#strobe;
      this.#strobe = false;
    }
  }
}
