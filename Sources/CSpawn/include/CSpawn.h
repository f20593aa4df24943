/* The parts of starting a program that Swift does not import from the C library. */
#ifndef CSPAWN_H
#define CSPAWN_H

#include <sys/types.h>

/* Starts `executable` as leader of a new session, with `descriptors` as its 0, 1, 2, 3 and no other, with default
 * signal handling, in `directory` (NULL: this one). Returns its id, or -1 with errno. */
pid_t spawn_program(
    const char *executable, char *const arguments[], char *const environment[], const char *directory,
    const int descriptors[4]);

/* A pipe that other programs do not inherit. Returns 0, or -1 with errno. */
int spawn_pipe(int ends[2]);

#endif
