# The smallest guest: prints a line on COM1 and halts. In this folder:
#   gcc -m32 -nostdlib -static -no-pie -Wl,-N,--no-warn-rwx-segments,-Ttext=0x100000,--build-id=none -s hello.S -o hello.elf
  .long 0x1badb002, 0, -0x1badb002       # the multiboot header: magic number, flags, checksum
  .globl _start
_start:
  mov $text, %esi
1: lodsb
  test %al, %al
  jz 2f
  mov %al, %bl
  mov $0x3fd, %dx
3: in %dx, %al                           # line status register: wait for room in the transmitter
  test $0x20, %al
  jz 3b
  mov %bl, %al
  mov $0x3f8, %dx
  out %al, %dx
  jmp 1b
2: cli
  hlt
text: .asciz "Hello from ring 0\n"
  .section .note.GNU-stack, "", @progbits
