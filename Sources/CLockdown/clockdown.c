#include "CLockdown.h"
#include <seccomp.h>
int clockdown_placeholder(void) { return SCMP_VER_MAJOR; }
