#define _GNU_SOURCE
#include "CSpawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

enum { COUNT = 4 };

int spawn_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

static int arrange(posix_spawn_file_actions_t *actions, const int descriptors[COUNT], const char *directory) {
    int failure = 0;
    /* Aside first, beyond all of them: one of ours may itself be 0 to 3. */
    int aside = COUNT;
    for (int i = 0; i < COUNT; i++) {
        if (descriptors[i] >= aside) aside = descriptors[i] + 1;
    }
    for (int i = 0; i < COUNT && failure == 0; i++) {
        failure = posix_spawn_file_actions_adddup2(actions, descriptors[i], aside + i);
    }
    for (int i = 0; i < COUNT && failure == 0; i++) {
        failure = posix_spawn_file_actions_adddup2(actions, aside + i, i);
    }
    if (failure == 0) failure = posix_spawn_file_actions_addclosefrom_np(actions, COUNT);
    if (failure == 0 && directory != NULL) failure = posix_spawn_file_actions_addchdir_np(actions, directory);
    return failure;
}

static int configure(posix_spawnattr_t *attributes) {
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    int failure = posix_spawnattr_setsigmask(attributes, &none);
    if (failure == 0) failure = posix_spawnattr_setsigdefault(attributes, &all);
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID;
    return failure != 0 ? failure : posix_spawnattr_setflags(attributes, flags);
}

pid_t spawn_program(
    const char *executable, char *const arguments[], char *const environment[], const char *directory,
    const int descriptors[4]) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    pid_t process = -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    int failure = arrange(&actions, descriptors, directory);
    if (failure == 0) failure = configure(&attributes);
    if (failure == 0) failure = posix_spawn(&process, executable, &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    errno = failure;
    return failure == 0 ? process : -1;
}
