# Where every process starts: EAX = program, EBX = argument.
  .section .start, "ax"
  jmp start
  .balign 16
  .long data_begin, bss_begin, bss_end
start:
  push %ebx
  call *programs(,%eax,4)
  mov %eax, %ebx
  mov $0, %eax                           # CALL_EXIT
  int $0x80
