# The image of the ring-3 programs, linked apart at 40000000h.
  .section .programs, "a"
  .balign 4096
  .globl programs_image
programs_image:
  .incbin "programs.bin"
  .balign 4096
