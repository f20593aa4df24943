/* What a process does about itself before it starts Python. */
#define _GNU_SOURCE
#include "CLockdown.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

extern char **environ;

static int is_kept(const char *entry, const char *const *keep, size_t count) {
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(keep[i]);
        if (strncmp(entry, keep[i], length) == 0 && entry[length] == '=') return 1;
    }
    return 0;
}

void lockdown_scrub_environment(const char *const *keep, size_t count) {
    /* In place, because forked children inherit the memory and /proc/PID/environ shows it. */
    char **kept = environ;
    for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
        if (is_kept(*entry, keep, count)) {
            *kept++ = *entry;
        } else {
            explicit_bzero(*entry, strlen(*entry));
        }
    }
    if (kept != NULL) *kept = NULL;
}

int lockdown_die_with_parent(pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    return getppid() == parent ? 0 : -1;
}

void lockdown_hide_process(void) { prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }
