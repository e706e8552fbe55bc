#!/bin/sh
# Builds demo.elf beside this script (or the absolute path given), the same bytes each time. Needs gcc with -m32 (no 32-bit libc) and GNU binutils.
set -eu
cd "$(dirname "$0")"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
target="-m32 -march=i686 -mno-mmx -mno-sse -O2 -std=gnu11 -Wall -Wextra -Wno-unused-parameter
  -ffreestanding -nostdlib -static -fno-pic -fno-pie -fno-stack-protector -fcf-protection=none
  -fno-asynchronous-unwind-tables -fno-ident -fno-strict-aliasing -Wa,--noexecstack"

compile() { # folder, further options
  folder=$1
  shift
  for source in "$folder"/*.c "$folder"/*.S; do
    [ -e "$source" ] || continue
    gcc $target "$@" -Ikernel -Ichecks -I"$out" -c "$source" -o "$out/$folder-$(basename "$source").o"
  done
}

# The ring-3 programs: one flat image, which the kernel carries in a section.
compile programs -mfpmath=387
ld -m elf_i386 --build-id=none -z noexecstack --no-warn-rwx-segments -T programs/programs.ld -o "$out/programs.elf" "$out"/programs-*.o
objcopy -O binary "$out/programs.elf" "$out/programs.bin"

compile kernel -mgeneral-regs-only
compile checks -mgeneral-regs-only
ld -m elf_i386 --build-id=none -z noexecstack --no-warn-rwx-segments -z max-page-size=4096 -T demo.ld -o "$out/demo.elf" "$out"/kernel-*.o "$out"/checks-*.o
strip --strip-debug "$out/demo.elf"
cp "$out/demo.elf" "${1:-demo.elf}"
