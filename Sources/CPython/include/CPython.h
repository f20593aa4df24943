/* CPython as one interpreter that is started once and runs one function. Only this target includes Python.h. */
#ifndef CPYTHON_H
#define CPYTHON_H

#include <stddef.h>

/* The version this binary was built against, such as "3.11.2". */
const char *cpython_version(void);

/* Where the running libpython lies, links resolved, or "" when unknown. */
void cpython_library_path(char *path, size_t capacity);

typedef struct {
    const char *program;         /* the venv's python: pyvenv.cfg beside or above it is honoured */
    const char *venv;            /* what sys.prefix has to be once started */
    const char *const *paths;    /* put first in sys.path */
    size_t path_count;
} cpython_options;

/* Starts the interpreter, isolated from the user's environment. Returns 0, or -1 with one sentence in `problem`. */
int cpython_start(const cpython_options *options, char *problem, size_t capacity);

/* Calls module.function(list of strings) -> int and returns that number, or -1 with the traceback in `problem`.
 *
 * SystemExit is a number too. The interpreter stays as it is; end the process without finalizing it. */
int cpython_call(
    const char *module, const char *function, const char *const *arguments, size_t count, char *problem,
    size_t capacity);

#endif
