/* The kernel as a multiboot guest without interrupts: prints to COM1, then halts. */
        .bss
        .align  16
        .skip   65536
stack_top:

        /* The multiboot header (magic, flags, checksum) has to lie in the first 8 KiB of the file: this file is linked first. */
        .text
        .align  4
        .long   0x1badb002, 0, -0x1badb002
        .globl  _start
_start:
        movl    $stack_top, %esp
        call    run
1:      cli
        hlt
        jmp     1b

        .globl  put_byte
put_byte:
        movw    $0x3fd, %dx
2:      inb     %dx, %al
        testb   $0x20, %al
        jz      2b
        movb    4(%esp), %al
        movw    $0x3f8, %dx
        outb    %al, %dx
        ret
        .section .note.GNU-stack, "", @progbits
