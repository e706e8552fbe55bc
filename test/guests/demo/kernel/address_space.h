// The user half of an address space: which pages there may be, and how they come to be there.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// Handles a page fault: fills in the page or copies it. False where the access was never allowed.
bool address_space_fault(uint32_t *directory, uint32_t linear, uint32_t error);

// A copy that shares all pages until one side writes.
uint32_t *address_space_copy(uint32_t *directory);
