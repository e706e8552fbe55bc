# One entry of 16 bytes for each vector: completes the frame (interrupts.h) and goes to `trap`, which answers with the
# frame to go on with: the same one, or that of another process.

  .text
  .globl vectors
  .balign 16
vectors:
  .set vector, 0
  .rept 0x90
  .balign 16
  .if (vector != 8) && ((vector < 10) || (vector > 14)) && (vector != 17)
  push $0                                # in place of the error code
  .endif
  push $vector
  jmp enter
  .set vector, vector + 1
  .endr

enter:
  pusha
  push %ds
  push %es
  push %fs
  push %gs
  mov $0x10, %eax
  mov %ax, %ds
  mov %ax, %es
  cld
  push %esp
  call trap
  mov %eax, %esp
resume:
  pop %gs
  pop %fs
  pop %es
  pop %ds
  popa
  add $8, %esp
  iret

# void leave_to(struct frame *f): becomes `f`; comes back when somebody calls come_back().
  .globl leave_to
leave_to:
  push %ebp
  push %ebx
  push %esi
  push %edi
  mov %esp, left_at
  mov 20(%esp), %esp
  jmp resume

  .globl come_back
come_back:
  mov $0x10, %eax
  mov %ax, %ss
  mov left_at, %esp
  mov %ax, %ds
  mov %ax, %es
  mov %ax, %fs
  mov %ax, %gs
  push $2
  popf
  pop %edi
  pop %esi
  pop %ebx
  pop %ebp
  ret

  .bss
  .balign 4
left_at: .skip 4
