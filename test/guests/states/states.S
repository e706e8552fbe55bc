# For test/packages/trace.test.ts, which builds it:
#   gcc -m32 -nostdlib -static -no-pie -Wl,-N,--no-warn-rwx-segments,-Ttext=0x100000,--build-id=none states.S -o states.elf
# A kernel whose every instruction does the same on any machine, undefined flags left aside: it takes nothing from its loader, no time and no
# interrupt. Its states are compared with QEMU's. Ends by writing 0 to port F4h.
.intel_syntax noprefix
.section .text
.balign 4
.long 0x1badb002, 0, -0x1badb002

.globl _start
_start:
  cld
  lgdt [gdt_pointer]
  lidt [idt_pointer]
  jmp 0x08:begin
begin:
  mov eax, 0x10
  mov ds, eax
  mov es, eax
  mov ss, eax
  mov fs, eax
  mov gs, eax
  mov esp, offset stack_top
  push 2
  popfd
  xor eax, eax
  lldt ax
  xor ebx, ebx
  xor ecx, ecx
  xor edx, edx
  xor esi, esi
  xor edi, edi
  xor ebp, ebp
  mov eax, 0x28
  ltr ax
  mov eax, 0x11
  mov cr0, eax
  xor eax, eax
  mov cr2, eax
  mov cr3, eax

# From here on nothing is left of the loader's state.
.globl settled
settled:
  # Gates 0 (#DE), 6 (#UD), 13 (#GP), 14 (#PF) and 80h, each to its handler.
  mov eax, offset divide_error
  mov ecx, 0
  call set_gate
  mov eax, offset undefined
  mov ecx, 6
  call set_gate
  mov eax, offset protection
  mov ecx, 13
  call set_gate
  mov eax, offset page_fault
  mov ecx, 14
  call set_gate
  mov eax, offset system_call
  mov ecx, 0x80
  call set_gate
  mov byte ptr [idt + 0x80 * 8 + 5], 0xee

  call compute
  call strings
  call faults

  # Paging: 4 MiB pages, all of the first 4 GiB but the second 4 MiB, which is not present.
  mov eax, cr4
  or eax, 0x10
  mov cr4, eax
  mov edi, offset directory
  mov eax, 0x87
  mov ecx, 1024
fill:
  mov [edi], eax
  add edi, 4
  add eax, 0x400000
  dec ecx
  jnz fill
  mov dword ptr [directory + 4], 0
  mov eax, offset directory
  mov cr3, eax
  mov eax, cr0
  or eax, 0x80000000
  mov cr0, eax
  jmp paged
paged:
  mov eax, 0x400010
  mov ebx, [eax]
  mov [eax], ebx
  call compute

  # Ring 3 and back.
  push 0x23
  push offset user_top
  push 0x2
  push 0x1b
  push offset user
  iretd

user:
  mov eax, 0x23
  mov ds, eax
  mov es, eax
  call compute
  mov eax, 1
  int 0x80
  mov ebx, [0x400020]
  hlt
  mov eax, 0
  int 0x80

# EAX = the handler, ECX = the vector.
set_gate:
  mov edx, eax
  and eax, 0xffff
  or eax, 0x80000
  mov [idt + ecx * 8], eax
  and edx, 0xffff0000
  or edx, 0x8e00
  mov [idt + ecx * 8 + 4], edx
  ret

divide_error:
  add dword ptr [esp], 2
  iretd
undefined:
  add dword ptr [esp], 2
  iretd
protection:
  add esp, 4
  add dword ptr [esp], 1
  iretd
page_fault:
  push eax
  push edx
  mov eax, cr2
  mov edx, [esp + 12]
  cmp byte ptr [edx], 0x8b
  jne short_one
  cmp byte ptr [edx + 1], 0x1d
  jne short_one
  add dword ptr [esp + 12], 4
short_one:
  add dword ptr [esp + 12], 2
  pop edx
  pop eax
  add esp, 4
  iretd
system_call:
  test eax, eax
  jz finish
  push ebp
  mov ebp, esp
  pushad
  popad
  pop ebp
  iretd
finish:
  out 0xf4, al
  cli
  hlt

faults:
  xor ecx, ecx
  mov eax, 17
  xor edx, edx
  div ecx
  ud2
  mov eax, 0x7fff0000
  mov edx, 0x7fffffff
  mov ecx, 1
  idiv ecx
  ret

strings:
  mov edi, offset buffer
  mov eax, 0x61626364
  mov ecx, 40
  rep stosd
  mov esi, offset buffer
  mov edi, offset buffer + 200
  mov ecx, 33
  rep movsb
  mov byte ptr [buffer + 100], 0
  mov edi, offset buffer
  xor eax, eax
  mov ecx, 200
  repne scasb
  mov esi, offset buffer
  mov edi, offset buffer + 4
  mov ecx, 50
  repe cmpsw
  std
  mov edi, offset buffer + 300
  mov ecx, 7
  rep stosw
  cld
  lodsb
  lodsw
  ret

# A generator of numbers drives arithmetic on registers and memory, a table of calls, and branches of all conditions.
compute:
  mov ecx, 300
  mov esi, 0x12345678
again:
  imul esi, esi, 1664525
  cmp esi, esi
  add esi, 1013904223
  mov eax, esi
  mov ebx, esi
  bswap ebx
  add eax, ebx
  adc [sum], eax
  sub ebx, [sum]
  sbb bx, ax
  add al, bh
  adc ah, 0x7f
  inc dword ptr [sum + 4]
  dec bl
  neg edi
  not edi
  add edi, ebx
  rol eax, 1
  ror bx, 1
  rcl edi, 1
  cmp eax, edi
  seto dl
  sets dh
  setbe [sum + 8]
  cmovl edx, edi
  cmovp edi, eax
  lea ebp, [eax + ebx * 4 + 0x1234]
  movzx edx, byte ptr [sum + 1]
  movsx edx, dx
  xchg edx, [sum + 12]
  mov edx, esi
  sar edx, 1
  shl edx, 1
  shr edx, 1
  cmp dl, bl
  jge odd
  mov edx, esi
  and edx, 3
  cmp edx, edx
  call [table + edx * 4]
  jmp join
odd:
  push esi
  push bx
  pop bx
  pop edx
  enter 8, 0
  mov [ebp - 4], edx
  leave
join:
  cdq
  cwde
  cbw
  lahf
  xadd edx, ebx
  cmpxchg [sum], ebx
  bt esi, 5
  cmc
  and edx, 127
  bts [sum], edx
  clc
  dec ecx
  jnz again
  ret

zero: mov edx, 1
  ret
one: stc
  ret
two: call zero
  ret
three: push offset back
  ret
back: ret

.balign 8
gdt:
  .quad 0
  .quad 0x00cf9b000000ffff, 0x00cf93000000ffff
  .quad 0x00cffb000000ffff, 0x00cff3000000ffff
  .word 0x67, tss_low
  .byte tss_middle, 0x89, 0, 0
gdt_pointer:
  .word 0x2f
  .long gdt
idt_pointer:
  .word 0x7ff
  .long idt
table: .long zero, one, two, three

.balign 8
tss:
  .long 0, stack_top, 0x10
  .skip 92
# Parts of the address of the TSS for its descriptor; the image stands at 100000h.
.set tss_low, tss - _start + 12
.set tss_middle, 0x10

.balign 4096
directory: .skip 4096
idt: .skip 2048
sum: .skip 16
buffer: .skip 512
.skip 1024
stack_top:
.skip 1024
user_top:
.globl end_of_guest
end_of_guest:
.section .note.GNU-stack, "", @progbits
