/* Locks the calling process down for good, so that generated code inside it can touch nothing but what it was given.
 *
 * One process, the zygote, calls lockdown_prepare once and lockdown_fork for every loss. lockdown_fork makes two
 * processes: a supervisor that runs only the C code here, and the loss process, which returns to the caller locked.
 */
#ifndef CLOCKDOWN_H
#define CLOCKDOWN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    LOCKDOWN_USER = 1,
    LOCKDOWN_PID = 2,
    LOCKDOWN_NET = 4,
    LOCKDOWN_MOUNT = 8,
    LOCKDOWN_IPC = 16,
    LOCKDOWN_UTS = 32,
};

/* The one descriptor that a loss process has, besides 0, 1 and 2: an unwritable /dev/null. */
enum { LOCKDOWN_SOCKET = 3, LOCKDOWN_FIRST_CLOSED = 4 };

typedef struct {
    uint64_t extra_memory;  /* bytes of address space on top of what the zygote uses */
    uint32_t cpu_seconds;   /* processor time of the loss process's whole life */
    uint32_t life_seconds;  /* wall-clock time of its whole life */
    int32_t allow_unsandboxed; /* go on without Landlock or seccomp */
} lockdown_limits;

/* Which layers a loss process obtained. */
typedef struct {
    int32_t landlock;         /* ABI, 0 when none */
    int32_t seccomp;          /* 1 when the filter is loaded */
    uint32_t namespaces;      /* LOCKDOWN_USER | ... */
    int32_t empty_root;       /* 1 when the root directory is an empty read-only file system */
    int32_t uid_dropped;      /* 1 when the process was root and no longer is */
    int32_t capabilities_dropped;
    int32_t limits;           /* 1 when every resource limit is set */
} lockdown_layers;

/* Overwrites every environment string but those named in `keep`, in place, and forgets it. */
void lockdown_scrub_environment(const char *const *keep, size_t count);

/* Ends this process when the one that started it ends. Returns 0, or -1 when that one has already gone. */
int lockdown_die_with_parent(pid_t parent);

/* From a thread of its own, kills this process and the group that it leads as soon as its parent ends. A parent-death signal
 * would come when the thread that started it ends. `parent` is 0 where its number is not known: then it is whoever is the
 * parent now. Returns 0, or -1 with errno. */
int lockdown_end_with_parent(pid_t parent);

/* Makes this process closed to ptrace and /proc/PID/mem of other processes of the same user. */
void lockdown_hide_process(void);

/* Compiles the system call filter. Where that is impossible the lockdown later says that there is no seccomp. */
void lockdown_prepare(void);

/* The ABI of Landlock in this kernel; 0 when it has none, or has it switched off. */
int lockdown_landlock_abi(void);

/* Forks a supervisor and a locked-down loss process; the caller must have one thread.
 *
 * Returns the supervisor's id in the caller, 0 in the loss process, -1 with errno in the caller when nothing started.
 * To `status` goes "refused SENTENCE" when the loss process could not be locked down, and in any case, once it has ended,
 * "exit CODE SIGNAL MILLISECONDS KILOBYTES EXPIRED"; a locked-down process no longer has that pipe. Kill the supervisor,
 * which ends after its loss process, to kill that one too.
 * `entered`, which may be NULL, runs first thing in the loss process, before it is locked down. Shared memory that the
 * caller has mapped stays mapped in the loss process.
 */
pid_t lockdown_fork(
    int socket, int status, const lockdown_limits *limits, lockdown_layers *layers, void (*entered)(void));

/* Locks a throw-away child down and says which layers it obtained. Returns 0, or -1 with the refusal in `problem`. */
int lockdown_probe(lockdown_layers *layers, char *problem, size_t capacity);

#endif
