/* The kernel as a 32-bit Linux program without a C library. */
        .text
        .globl  _start
_start:
        call    run
        movl    $1, %eax
        xorl    %ebx, %ebx
        int     $0x80

        .globl  put_byte
put_byte:
        pushl   %ebx
        movl    $4, %eax
        movl    $1, %ebx
        leal    8(%esp), %ecx
        movl    $1, %edx
        int     $0x80
        popl    %ebx
        ret
        .section .note.GNU-stack, "", @progbits
