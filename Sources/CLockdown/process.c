/* What a loss process gives up besides paths and system calls: namespaces, user, capabilities, resources. */
#define _GNU_SOURCE
#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Belongs to nobody, not even to "nobody", so that no other process on the machine runs as it. */
enum { UNUSED_USER = 1879048193 };

static const struct {
    uint32_t layer;
    int flag;
} kinds[] = {
    {LOCKDOWN_PID, CLONE_NEWPID}, {LOCKDOWN_NET, CLONE_NEWNET}, {LOCKDOWN_MOUNT, CLONE_NEWNS},
    {LOCKDOWN_IPC, CLONE_NEWIPC}, {LOCKDOWN_UTS, CLONE_NEWUTS},
};

uint32_t lockdown_unshare(int is_root) {
    uint32_t layers = 0;
    int flags = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        layers |= kinds[i].layer;
        flags |= kinds[i].flag;
    }
    /* A user namespace hands an ordinary user (and a root without CAP_SYS_ADMIN) the right to the others. */
    if (is_root && unshare(flags) == 0) return layers;
    if (unshare(CLONE_NEWUSER | flags) == 0) return layers | LOCKDOWN_USER;

    uint32_t obtained = unshare(CLONE_NEWUSER) == 0 ? LOCKDOWN_USER : 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (unshare(kinds[i].flag) == 0) obtained |= kinds[i].layer;
    }
    return obtained;
}

int lockdown_empty_root(void) {
    static const char *const places[] = {"/tmp", "/var", "/usr", "/etc"};
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) return 0;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
        if (mount("none", places[i], "tmpfs", flags, "size=4k,nr_inodes=2,mode=0555") != 0) continue;
        /* pivot_root(".", ".") stacks the old root on the new one; detaching it leaves the new one alone. */
        if (chdir(places[i]) != 0 || syscall(SYS_pivot_root, ".", ".") != 0) return 0;
        return umount2(".", MNT_DETACH) == 0 && chdir("/") == 0;
    }
    return 0;
}

int lockdown_drop_user(void) {
    if (geteuid() != 0) return 0;
    return setgroups(0, NULL) == 0 && setresgid(UNUSED_USER, UNUSED_USER, UNUSED_USER) == 0
        && setresuid(UNUSED_USER, UNUSED_USER, UNUSED_USER) == 0;
}

int lockdown_drop_capabilities(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0, 0, 0}};
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return syscall(SYS_capset, &header, none) == 0;
}

uint64_t lockdown_address_space(void) {
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL) return 0;
    if (fscanf(file, "%lu", &pages) != 1) pages = 0;
    fclose(file);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int cap(int resource, rlim_t value) {
    struct rlimit limit = {.rlim_cur = value, .rlim_max = value};
    return setrlimit(resource, &limit) == 0;
}

int lockdown_set_limits(const lockdown_limits *limits, uint64_t address_space) {
    int set = address_space > 0 && cap(RLIMIT_AS, address_space + limits->extra_memory);
    set &= cap(RLIMIT_CPU, limits->cpu_seconds);
    set &= cap(RLIMIT_NPROC, 0);
    set &= cap(RLIMIT_FSIZE, 0);
    set &= cap(RLIMIT_CORE, 0);
    set &= cap(RLIMIT_MEMLOCK, 0);
    set &= cap(RLIMIT_MSGQUEUE, 0);
    /* Two more than it keeps: the status pipe, and Landlock's rule set while it is made. */
    set &= cap(RLIMIT_NOFILE, LOCKDOWN_FIRST_CLOSED + 2);
    return set;
}
