/* Landlock with no rule at all: no path can be opened, made, renamed or removed, and no TCP port used. */
#define _GNU_SOURCE
#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's newest structure; the system's header may be older than the kernel. */
typedef struct {
    uint64_t handled_access_fs;
    uint64_t handled_access_net;
    uint64_t scoped;
} ruleset_attributes;

enum {
    NET_BIND_TCP = 1 << 0,
    NET_CONNECT_TCP = 1 << 1,
    SCOPE_ABSTRACT_UNIX_SOCKET = 1 << 0,
    SCOPE_SIGNAL = 1 << 1,
};

int lockdown_landlock_abi(void) {
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return abi > 0 ? (int)abi : 0;
}

/* Every access right to the file system that this ABI knows: 13 rights in the first, then one each in 2, 3 and 5. */
static uint64_t every_file_right(int abi) {
    unsigned bits = 13;
    if (abi >= 2) bits = 14;
    if (abi >= 3) bits = 15;
    if (abi >= 5) bits = 16;
    return (UINT64_C(1) << bits) - 1;
}

int lockdown_landlock(lockdown_problem *problem) {
    int abi = lockdown_landlock_abi();
    if (abi == 0) return lockdown_fail(problem, "this kernel has no Landlock");

    ruleset_attributes attributes = {.handled_access_fs = every_file_right(abi)};
    size_t size = sizeof attributes.handled_access_fs;
    if (abi >= 4) {
        attributes.handled_access_net = NET_BIND_TCP | NET_CONNECT_TCP;
        size += sizeof attributes.handled_access_net;
    }
    if (abi >= 6) {
        attributes.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
        size += sizeof attributes.scoped;
    }
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, size, 0);
    if (ruleset < 0) return lockdown_fail(problem, "Landlock refused the rule set");
    long entered = syscall(SYS_landlock_restrict_self, ruleset, 0);
    int reason = errno;
    close(ruleset);
    errno = reason;
    if (entered != 0) return lockdown_fail(problem, "Landlock did not take effect");

    int leak = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (leak >= 0) {
        close(leak);
        errno = 0;
        return lockdown_fail(problem, "Landlock is in force but a directory could still be opened");
    }
    return abi;
}
