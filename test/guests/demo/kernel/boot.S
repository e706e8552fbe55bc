# Where the boot loader enters: protected mode, paging off, interrupts off, EAX = magic number, EBX = information
# structure (Multiboot Specification 0.6.96, section 3.2).

  .section .multiboot, "a"
  .balign 4
  .set FLAGS, 3                          # page-aligned modules, memory information
  .long 0x1badb002, FLAGS, -(0x1badb002 + FLAGS)

  .text
  .globl start
start:
  mov $boot_stack_top, %esp
  push $0
  popf
  push %ebx
  push %eax
  call kernel_main
  cli
1: hlt
  jmp 1b

  .bss
  .balign 16
  .skip 16384
boot_stack_top:
