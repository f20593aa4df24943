/* The module `_losslab_worker`: what the zygote's Python needs of the lockdown. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "CLockdown.h"

#include <errno.h>

static PyObject *layers_as_dict(const lockdown_layers *layers) {
    static const struct {
        uint32_t layer;
        const char *name;
    } names[] = {
        {LOCKDOWN_USER, "user"},   {LOCKDOWN_PID, "pid"}, {LOCKDOWN_NET, "net"},
        {LOCKDOWN_MOUNT, "mount"}, {LOCKDOWN_IPC, "ipc"}, {LOCKDOWN_UTS, "uts"},
    };
    PyObject *namespaces = PyList_New(0);
    if (namespaces == NULL) return NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if ((layers->namespaces & names[i].layer) == 0) continue;
        PyObject *name = PyUnicode_FromString(names[i].name);
        if (name == NULL || PyList_Append(namespaces, name) != 0) {
            Py_XDECREF(name);
            Py_DECREF(namespaces);
            return NULL;
        }
        Py_DECREF(name);
    }
    return Py_BuildValue(
        "{s:i,s:O,s:N,s:O,s:O,s:O,s:O}", "landlock", layers->landlock, "seccomp",
        layers->seccomp ? Py_True : Py_False, "namespaces", namespaces, "emptyRoot",
        layers->empty_root ? Py_True : Py_False, "uidDropped", layers->uid_dropped ? Py_True : Py_False,
        "capabilitiesDropped", layers->capabilities_dropped ? Py_True : Py_False, "limits",
        layers->limits ? Py_True : Py_False);
}

static PyObject *prepare(PyObject *self, PyObject *none) {
    (void)self;
    (void)none;
    lockdown_prepare();
    Py_RETURN_NONE;
}

static PyObject *probe(PyObject *self, PyObject *none) {
    (void)self;
    (void)none;
    lockdown_layers layers = {0};
    char problem[512] = "";
    PyOS_BeforeFork();
    int failed = lockdown_probe(&layers, problem, sizeof problem);
    PyOS_AfterFork_Parent();
    return Py_BuildValue("Nz", layers_as_dict(&layers), failed ? problem : NULL);
}

static PyObject *fork_locked(PyObject *self, PyObject *args) {
    (void)self;
    int socket = -1;
    int status = -1;
    unsigned long long extra_memory = 0;
    unsigned int cpu_seconds = 0;
    unsigned int life_seconds = 0;
    int allow_unsandboxed = 0;
    if (!PyArg_ParseTuple(
            args, "iiKIIp", &socket, &status, &extra_memory, &cpu_seconds, &life_seconds,
            &allow_unsandboxed)) {
        return NULL;
    }
    lockdown_limits limits = {
        .extra_memory = extra_memory,
        .cpu_seconds = cpu_seconds,
        .life_seconds = life_seconds,
        .allow_unsandboxed = allow_unsandboxed,
    };
    lockdown_layers layers;
    PyOS_BeforeFork();
    pid_t pid = lockdown_fork(socket, status, &limits, &layers, PyOS_AfterFork_Child);
    if (pid != 0) {
        int reason = errno;
        PyOS_AfterFork_Parent();
        errno = reason;
        if (pid < 0) return PyErr_SetFromErrno(PyExc_OSError);
        return Py_BuildValue("iO", (int)pid, Py_None);
    }
    return Py_BuildValue("iN", 0, layers_as_dict(&layers));
}

static PyMethodDef methods[] = {
    {"prepare", prepare, METH_NOARGS, "Compiles the system call filter, once, before the first fork."},
    {"probe", probe, METH_NOARGS,
     "probe() -> (layers, problem): locks a throw-away child down; problem is None when nothing required is missing."},
    {"fork", fork_locked, METH_VARARGS,
     "fork(socket, status, extra_memory, cpu_seconds, life_seconds, allow_unsandboxed) -> (pid, layers).\n"
     "pid is the supervisor's in the caller and 0 in the loss process, which has layers and is locked down."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_losslab_worker", "Locked-down processes, for the loss zygote.", -1, methods, NULL, NULL,
    NULL, NULL,
};

PyObject *losslab_worker_module(void) { return PyModule_Create(&definition); }
