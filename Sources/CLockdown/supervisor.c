/* The two forks of a loss process, and the supervisor between it and the zygote. */
#define _GNU_SOURCE
#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REFUSED = 125, SUPERVISOR_FAILED = 126 };

int lockdown_fail(lockdown_problem *problem, const char *sentence) {
    int reason = errno;
    if (reason != 0) {
        snprintf(problem->text, sizeof problem->text, "%s (%s)", sentence, strerror(reason));
    } else {
        snprintf(problem->text, sizeof problem->text, "%s", sentence);
    }
    return -1;
}

static void say(int descriptor, const char *text) {
    size_t length = strlen(text);
    while (length > 0) {
        ssize_t written = write(descriptor, text, length);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return;
        text += written;
        length -= (size_t)written;
    }
}

static _Noreturn void refuse(int status, const lockdown_problem *problem) {
    say(status, "refused ");
    say(status, problem->text);
    say(status, "\n");
    _exit(REFUSED);
}

/* Handlers belong to the program that forked us; its crash reporter would try to start another program. */
static void reset_signals(void) {
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* 0, 1, 2: /dev/null that cannot be written; 3: the socket; 4: the status pipe until the lock is shut. */
static int arrange_descriptors(int socket, int status, int null) {
    int moved[] = {null, null, null, socket, status};
    int count = (int)(sizeof moved / sizeof *moved);
    for (int i = 0; i < count; i++) {
        moved[i] = fcntl(moved[i], F_DUPFD, 64);
        if (moved[i] < 0) return -1;
    }
    for (int i = 0; i < count; i++) {
        if (dup2(moved[i], i) < 0) return -1;
    }
    return close_range(LOCKDOWN_FIRST_CLOSED + 1, ~0U, 0);
}

/* The lock itself, in the loss process. Its order matters: each step needs rights that a later one gives up. */
static void shut(uint64_t address_space, const lockdown_limits *limits, lockdown_layers *layers) {
    int status = LOCKDOWN_FIRST_CLOSED;
    int was_root = geteuid() == 0 && (layers->namespaces & LOCKDOWN_USER) == 0;
    lockdown_problem problem;
    errno = 0;

    layers->limits = lockdown_set_limits(limits, address_space);
    if (!layers->limits) {
        lockdown_fail(&problem, "a resource limit could not be set");
        refuse(status, &problem);
    }
    layers->uid_dropped = was_root && lockdown_drop_user();
    layers->capabilities_dropped = lockdown_drop_capabilities();
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    /* After the change of user, which clears it. */
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        lockdown_fail(&problem, "no_new_privs could not be set");
        refuse(status, &problem);
    }
    layers->landlock = lockdown_landlock(&problem);
    if (layers->landlock < 0) {
        layers->landlock = 0;
        if (!limits->allow_unsandboxed) refuse(status, &problem);
    }
    layers->seccomp = lockdown_seccomp(&problem) == 0;
    if (!layers->seccomp && !limits->allow_unsandboxed) refuse(status, &problem);
    close(status);
}

/* Waits for the loss process, kills it when its life is over, reports how it ended. */
static _Noreturn void supervise(pid_t loss, int status, uint32_t life_seconds) {
    int expired = 0;
    int handle = (int)syscall(SYS_pidfd_open, loss, 0);
    struct pollfd waiting = {.fd = handle, .events = POLLIN};
    int milliseconds = life_seconds < 2000000 ? (int)life_seconds * 1000 : -1;
    int ready = -1;
    while (handle >= 0 && (ready = poll(&waiting, 1, milliseconds)) < 0 && errno == EINTR) {
    }
    if (ready <= 0) {
        expired = 1;
        kill(loss, SIGKILL);
    }
    int result = 0;
    struct rusage usage;
    memset(&usage, 0, sizeof usage);
    while (wait4(loss, &result, 0, &usage) < 0 && errno == EINTR) {
    }
    long milliseconds_used = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000
        + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
    char line[128];
    snprintf(
        line, sizeof line, "exit %d %d %ld %ld %d\n", WIFEXITED(result) ? WEXITSTATUS(result) : -1,
        WIFSIGNALED(result) ? WTERMSIG(result) : 0, milliseconds_used, usage.ru_maxrss, expired);
    say(status, line);
    _exit(0);
}

/* First in line to be killed when memory runs out. */
static void volunteer_for_out_of_memory(void) {
    int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (file < 0) return;
    say(file, "1000");
    close(file);
}

pid_t lockdown_fork(
    int socket, int status, const lockdown_limits *limits, lockdown_layers *layers, void (*entered)(void)) {
    pid_t zygote = getpid();
    pid_t supervisor = fork();
    if (supervisor != 0) return supervisor;

    reset_signals();
    if (lockdown_die_with_parent(zygote) != 0) _exit(SUPERVISOR_FAILED);
    setsid();
    volunteer_for_out_of_memory();
    lockdown_problem problem;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0 || arrange_descriptors(socket, status, null) != 0) {
        lockdown_fail(&problem, "the loss process's descriptors could not be arranged");
        refuse(status, &problem);
    }
    status = LOCKDOWN_FIRST_CLOSED;
    uint64_t address_space = lockdown_address_space();
    memset(layers, 0, sizeof *layers);
    layers->namespaces = lockdown_unshare(geteuid() == 0);
    if (layers->namespaces & LOCKDOWN_MOUNT) layers->empty_root = lockdown_empty_root();

    pid_t loss = fork();
    if (loss < 0) {
        lockdown_fail(&problem, "the loss process could not be forked");
        refuse(status, &problem);
    }
    if (loss > 0) {
        close_range(0, (unsigned)status - 1, 0);
        supervise(loss, status, limits->life_seconds);
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (entered != NULL) entered();
    shut(address_space, limits, layers);
    return 0;
}

static int probe(int allow_unsandboxed, lockdown_layers *layers, char *problem, size_t capacity) {
    int status[2] = {-1, -1};
    int answer[2] = {-1, -1};
    if (pipe2(status, O_CLOEXEC) != 0 || pipe2(answer, O_CLOEXEC) != 0) {
        snprintf(problem, capacity, "no pipe for the probe (%s)", strerror(errno));
        return -1;
    }
    lockdown_limits limits = {
        .extra_memory = 1 << 26, .cpu_seconds = 5, .life_seconds = 5, .allow_unsandboxed = allow_unsandboxed};
    pid_t supervisor = lockdown_fork(answer[1], status[1], &limits, layers, NULL);
    if (supervisor == 0) {
        ssize_t written = write(LOCKDOWN_SOCKET, layers, sizeof *layers);
        _exit(written == (ssize_t)sizeof *layers ? 0 : 1);
    }
    close(status[1]);
    close(answer[1]);
    ssize_t received = supervisor < 0 ? -1 : read(answer[0], layers, sizeof *layers);
    ssize_t said = supervisor < 0 ? 0 : read(status[0], problem, capacity - 1);
    problem[said > 0 ? said : 0] = '\0';
    close(status[0]);
    close(answer[0]);
    if (supervisor > 0) waitpid(supervisor, NULL, 0);
    return received == (ssize_t)sizeof *layers ? 0 : -1;
}

int lockdown_probe(lockdown_layers *layers, char *problem, size_t capacity) {
    if (probe(0, layers, problem, capacity) == 0) return 0;
    static const char prefix[] = "refused ";
    size_t skipped = strncmp(problem, prefix, sizeof prefix - 1) == 0 ? sizeof prefix - 1 : 0;
    memmove(problem, problem + skipped, strlen(problem + skipped) + 1);
    problem[strcspn(problem, "\n")] = '\0';
    /* Once more without the demand, for what there is; the sentence of the first one stays. */
    char ignored[256];
    if (probe(1, layers, ignored, sizeof ignored) != 0) {
        /* What hindered it says nothing of the kernel, which is asked without a child. */
        memset(layers, 0, sizeof *layers);
        layers->landlock = lockdown_landlock_abi();
        uint32_t action = SECCOMP_RET_KILL_PROCESS;
        layers->seccomp = syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
    }
    return -1;
}
