/* What the files of this target share. */
#ifndef LOCKDOWN_PRIVATE_H
#define LOCKDOWN_PRIVATE_H

#include "CLockdown.h"

/* Where a step that must not fail says what failed. */
typedef struct {
    char text[256];
} lockdown_problem;

/* Sets the sentence and appends the meaning of errno. Returns -1. */
int lockdown_fail(lockdown_problem *problem, const char *sentence);

/* Leaves the host's namespaces, as far as the kernel lets this user, and says which were left. */
uint32_t lockdown_unshare(int is_root);

/* Swaps the root directory for an empty read-only file system. Returns 1 when that worked. */
int lockdown_empty_root(void);

/* Gives up root: no groups, another user. Returns 1 when done, 0 when there was nothing to give up or it failed. */
int lockdown_drop_user(void);

/* Gives up every capability, also those inside a user namespace. Returns 1 when done. */
int lockdown_drop_capabilities(void);

/* Address space, CPU, processes, files, locked memory. Returns 1 when every limit is set. */
int lockdown_set_limits(const lockdown_limits *limits, uint64_t address_space);

/* Bytes of address space this process has now; 0 when unknown. */
uint64_t lockdown_address_space(void);

/* No path, no TCP, no signal and no abstract socket outside. Returns the ABI, or -1. */
int lockdown_landlock(lockdown_problem *problem);

/* Loads the filter of lockdown_prepare and tries it. Returns 0, or -1. */
int lockdown_seccomp(lockdown_problem *problem);

#endif
