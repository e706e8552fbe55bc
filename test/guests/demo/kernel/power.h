#pragma once

// Resets the machine: the reset control register of the PIIX, else the keyboard controller, else stops for good.
_Noreturn void power_off(void);
