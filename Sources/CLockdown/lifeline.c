/* Ends a process and its group when the process that started it ends, whatever it is doing then. */
#define _GNU_SOURCE
#include "CLockdown.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LOOK_EVERY_MS = 500 };

static void end(void) {
    /* The group is ours alone when we lead it; started by hand, we share the shell's. */
    if (getpgrp() == getpid()) kill(0, SIGKILL);
    _exit(1);
}

static void *wait_for_end(void *argument) {
    pid_t parent = (pid_t)(intptr_t)argument;
    int descriptor = (int)syscall(SYS_pidfd_open, parent, 0);
    while (getppid() == parent) {
        struct pollfd ended = {.fd = descriptor, .events = POLLIN};
        /* Without pidfd_open (Linux before 5.3) poll only waits. */
        poll(&ended, descriptor >= 0 ? 1 : 0, descriptor >= 0 ? -1 : LOOK_EVERY_MS);
    }
    end();
    return NULL;
}

int lockdown_end_with_parent(pid_t parent) {
    if (parent == 0) parent = getppid();
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int failure = pthread_create(&thread, NULL, wait_for_end, (void *)(intptr_t)parent);
    if (failure == 0) pthread_detach(thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = failure;
    return failure == 0 ? 0 : -1;
}
