#pragma once

// Sets the line to 115,200 baud, 8 bits, no parity, polled.
void serial_init(void);

// Sends one byte, waiting for room.
void serial_put(char c);

enum { SERIAL_SCRATCH = 0x3ff };
