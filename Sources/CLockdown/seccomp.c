/* The system calls a loss process may make: memory, time, its two descriptors, and its own end. */
#define _GNU_SOURCE
#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Allowed whatever the arguments. Names that this architecture lacks are skipped. */
static const char *const allowed[] = {
    "brk", "clock_getres", "clock_gettime", "clock_nanosleep", "close", "exit", "exit_group", "fstat", "futex",
    "getcpu", "getegid", "geteuid", "getgid", "getpid", "getppid", "getrandom", "getrusage", "gettid", "gettimeofday",
    "getuid", "lseek", "madvise", "mremap", "munmap", "nanosleep", "poll", "ppoll", "read",
    "restart_syscall", "rseq", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sched_getaffinity", "sched_yield",
    "set_robust_list", "sigaltstack", "time", "times", "uname", "write",
};

/* Never needed and only useful to an attacker: the process ends at once with SIGSYS. */
static const char *const fatal[] = {
    "acct", "add_key", "bpf", "chroot", "delete_module", "execve", "execveat", "finit_module", "fsconfig", "fsmount",
    "fsopen", "fspick", "init_module", "io_uring_enter", "io_uring_register", "io_uring_setup", "kcmp", "kexec_file_load",
    "kexec_load", "keyctl", "mount", "mount_setattr", "move_mount", "name_to_handle_at", "open_by_handle_at", "open_tree",
    "perf_event_open", "pidfd_getfd", "pivot_root", "process_madvise", "process_vm_readv", "process_vm_writev", "ptrace",
    "reboot", "request_key", "setns", "swapoff", "swapon", "umount2", "unshare", "userfaultfd", "vhangup",
};

static struct sock_fprog program;

static int add_named(scmp_filter_ctx filter, uint32_t action, const char *name) {
    int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR || number < 0) return 0;
    return seccomp_rule_add(filter, action, number, 0);
}

/* Calls whose answer decides how the C library goes on, or whose arguments decide what they do. */
static int add_special(scmp_filter_ctx filter) {
    int failed = 0;
    /* The C library falls back from clone3 to clone on ENOSYS, and reports "cannot start" on EAGAIN. */
    failed |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    failed |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAGAIN), SCMP_SYS(clone), 0);
    failed |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAGAIN), SCMP_SYS(fork), 0);
    failed |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAGAIN), SCMP_SYS(vfork), 0);
    failed |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOTTY), SCMP_SYS(ioctl), 0);
    /* Memory, but none that is executable. */
    failed |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    failed |=
        seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    /* Reading one's own limits (the C library does so to find a stack's size), never setting them. */
    failed |= seccomp_rule_add(
        filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2, SCMP_A0(SCMP_CMP_EQ, 0), SCMP_A2(SCMP_CMP_EQ, 0));
    return failed;
}

static int compile(scmp_filter_ctx filter) {
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        if (add_named(filter, SCMP_ACT_ALLOW, allowed[i]) != 0) return -1;
    }
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++) {
        if (add_named(filter, SCMP_ACT_KILL_PROCESS, fatal[i]) != 0) return -1;
    }
    if (add_special(filter) != 0) return -1;

    int file = memfd_create("filter", MFD_CLOEXEC);
    if (file < 0) return -1;
    off_t size = -1;
    void *code = NULL;
    if (seccomp_export_bpf(filter, file) == 0) size = lseek(file, 0, SEEK_END);
    if (size > 0) code = malloc((size_t)size);
    if (code != NULL && pread(file, code, (size_t)size, 0) == size) {
        program.filter = code;
        program.len = (unsigned short)((size_t)size / sizeof(struct sock_filter));
    }
    close(file);
    return program.len > 0 ? 0 : -1;
}

void lockdown_prepare(void) {
    if (program.len > 0) return;
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (filter == NULL) return;
    if (compile(filter) != 0) program.len = 0;
    seccomp_release(filter);
}

/* A wrong jump would let a call through, or refuse every one: try a call of each kind. */
static int filter_holds(void) {
    if (syscall(SYS_socket, 1, 1, 0) != -1 || errno != EPERM) return 0;
    if (syscall(SYS_openat, AT_FDCWD, "/", O_RDONLY, 0) != -1 || errno != EPERM) return 0;
    if (syscall(SYS_clone3, NULL, 0) != -1 || errno != ENOSYS) return 0;
    if (syscall(SYS_kill, getppid(), 0) != -1 || errno != EPERM) return 0;
    void *executable = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (executable != MAP_FAILED || errno != EPERM) return 0;
    void *plain = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return plain != MAP_FAILED && munmap(plain, 4096) == 0;
}

int lockdown_seccomp(lockdown_problem *problem) {
    errno = 0;
    if (program.len == 0) return lockdown_fail(problem, "this kernel has no seccomp filter");
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) {
        return lockdown_fail(problem, "this kernel has no seccomp filter");
    }
    errno = 0;
    return filter_holds() ? 0 : lockdown_fail(problem, "seccomp is in force but does not refuse what it should");
}
