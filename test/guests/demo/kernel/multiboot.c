#include "multiboot.h"

static const char *skip_blanks(const char *text) {
  while (*text == ' ') text++;
  return text;
}

bool command_line_has(const struct multiboot_info *info, const char *option) {
  if ((info->flags & MULTIBOOT_CMDLINE) == 0) return false;
  for (const char *text = skip_blanks((const char *)info->cmdline); *text != 0; text = skip_blanks(text)) {
    unsigned k = 0;
    while (option[k] != 0 && text[k] == option[k]) k++;
    if (option[k] == 0 && (text[k] == 0 || text[k] == ' ')) return true;
    while (*text != 0 && *text != ' ') text++;
  }
  return false;
}
