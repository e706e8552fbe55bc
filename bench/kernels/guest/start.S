/* A kernel as a multiboot guest: paging on, ring 0, interrupts off. Prints to COM1, then halts. */
        .bss
        .align  16
        .skip   65536
stack_top:
        .skip   65536
user_stack_top:

        /* The multiboot header (magic, flags, checksum) has to lie in the first 8 KiB of the file: this file is linked first. */
        .text
        .align  4
        .long   0x1badb002, 0, -0x1badb002
        .globl  _start
_start:
        movl    $stack_top, %esp
        call    start_system
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

        /* u32 call_in_ring_3(u32 (*function)(void)): interrupts from ring 3 begin their stack below this frame. */
        .globl  call_in_ring_3
call_in_ring_3:
        pushl   %ebp
        pushl   %ebx
        pushl   %esi
        pushl   %edi
        movl    20(%esp), %eax
        movl    %esp, task + 4
        movl    $0x23, %edx
        movl    %edx, %ds
        movl    %edx, %es
        pushl   $0x23
        pushl   $user_stack_top
        pushl   $0x2
        pushl   $0x1b
        pushl   $user_start
        iret
user_start:
        call    *%eax
        int     $0x30

        /* The gate of INT 30h: back to whoever called call_in_ring_3, with EAX as its answer. */
        .globl  leave_ring_3
leave_ring_3:
        movl    task + 4, %esp
        movl    $0x10, %edx
        movl    %edx, %ds
        movl    %edx, %es
        popl    %edi
        popl    %esi
        popl    %ebx
        popl    %ebp
        ret
        .section .note.GNU-stack, "", @progbits
