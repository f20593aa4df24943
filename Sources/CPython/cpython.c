#include "CPython.h"

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

PyObject *losslab_worker_module(void);

const char *cpython_version(void) { return PY_VERSION; }

void cpython_library_path(char *path, size_t capacity) {
    Dl_info information;
    char resolved[PATH_MAX];
    path[0] = '\0';
    if (dladdr((void *)Py_InitializeFromConfig, &information) == 0 || information.dli_fname == NULL) return;
    if (realpath(information.dli_fname, resolved) != NULL) snprintf(path, capacity, "%s", resolved);
}

static int say(char *problem, size_t capacity, const char *sentence) {
    snprintf(problem, capacity, "%s", sentence);
    return -1;
}

static PyStatus initialize(const cpython_options *options) {
    PyPreConfig before;
    PyPreConfig_InitIsolatedConfig(&before);
    before.utf8_mode = 1;
    PyStatus status = Py_PreInitialize(&before);
    if (PyStatus_Exception(status)) return status;

    PyConfig config;
    PyConfig_InitIsolatedConfig(&config);
    config.site_import = 1;
    config.install_signal_handlers = 0;
    config.write_bytecode = 0;
    config.parse_argv = 0;
    config.buffered_stdio = 1;
    status = PyConfig_SetBytesString(&config, &config.program_name, options->program);
    if (!PyStatus_Exception(status)) {
        status = PyConfig_SetBytesString(&config, &config.executable, options->program);
    }
    if (!PyStatus_Exception(status)) status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    return status;
}

static int prepend_paths(const cpython_options *options) {
    PyObject *path = PySys_GetObject("path");
    if (path == NULL) return -1;
    for (size_t i = 0; i < options->path_count; i++) {
        PyObject *entry = PyUnicode_DecodeFSDefault(options->paths[i]);
        if (entry == NULL) return -1;
        int failed = PyList_Insert(path, (Py_ssize_t)i, entry);
        Py_DECREF(entry);
        if (failed) return -1;
    }
    return 0;
}

/* A venv that is not found is not an error to CPython: it quietly becomes the system's Python. */
static int prefix_is(const char *venv) {
    PyObject *prefix = PySys_GetObject("prefix");
    const char *text = prefix == NULL ? NULL : PyUnicode_AsUTF8(prefix);
    char wanted[PATH_MAX];
    char found[PATH_MAX];
    if (text == NULL || realpath(venv, wanted) == NULL || realpath(text, found) == NULL) return 0;
    return strcmp(wanted, found) == 0;
}

int cpython_start(const cpython_options *options, char *problem, size_t capacity) {
    if (PyImport_AppendInittab("_losslab_worker", losslab_worker_module) != 0) {
        return say(problem, capacity, "the worker's own module could not be registered");
    }
    PyStatus status = initialize(options);
    if (PyStatus_Exception(status)) {
        return say(problem, capacity, status.err_msg != NULL ? status.err_msg : "Python did not start");
    }
    if (prepend_paths(options) != 0) return say(problem, capacity, "sys.path could not be set");
    if (!prefix_is(options->venv)) return say(problem, capacity, "Python started outside the venv");
    return 0;
}

/* The first line of what was raised; the traceback goes to standard error. */
static void describe(PyObject *type, PyObject *value, PyObject *traceback, char *problem, size_t capacity) {
    const char *name = ((PyTypeObject *)type)->tp_name;
    PyObject *text = value == NULL ? NULL : PyObject_Str(value);
    const char *bytes = text == NULL ? NULL : PyUnicode_AsUTF8(text);
    PyErr_Clear();
    if (bytes == NULL || *bytes == '\0') {
        snprintf(problem, capacity, "%s", name);
    } else {
        snprintf(problem, capacity, "%s: %.*s", name, (int)strcspn(bytes, "\r\n"), bytes);
    }
    Py_XDECREF(text);
    PyErr_Display(type, value, traceback);
}

static int ended(char *problem, size_t capacity) {
    PyObject *type = NULL;
    PyObject *value = NULL;
    PyObject *traceback = NULL;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (type == NULL) return say(problem, capacity, "Python failed without an exception");

    int code = -1;
    if (PyErr_GivenExceptionMatches(type, PyExc_SystemExit)) {
        PyObject *wanted = PyObject_GetAttrString(value, "code");
        if (wanted == Py_None) code = 0;
        if (wanted != NULL && PyLong_Check(wanted)) code = (int)PyLong_AsLong(wanted);
        PyErr_Clear();
        Py_XDECREF(wanted);
    }
    if (code < 0) describe(type, value, traceback, problem, capacity);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return code;
}

/* The process ends without finalizing Python, which would flush its own buffers. */
static void flush(const char *name) {
    PyObject *stream = PySys_GetObject(name);
    PyObject *result = stream == NULL || stream == Py_None ? NULL : PyObject_CallMethod(stream, "flush", NULL);
    PyErr_Clear();
    Py_XDECREF(result);
}

int cpython_call(
    const char *module, const char *function, const char *const *arguments, size_t count, char *problem,
    size_t capacity) {
    PyObject *list = PyList_New(0);
    PyObject *loaded = list == NULL ? NULL : PyImport_ImportModule(module);
    for (size_t i = 0; loaded != NULL && i < count; i++) {
        PyObject *argument = PyUnicode_DecodeFSDefault(arguments[i]);
        if (argument == NULL || PyList_Append(list, argument) != 0) Py_CLEAR(loaded);
        Py_XDECREF(argument);
    }
    PyObject *result = loaded == NULL ? NULL : PyObject_CallMethod(loaded, function, "O", list);
    int code = result == NULL ? ended(problem, capacity) : (int)PyLong_AsLong(result);
    if (result != NULL && PyErr_Occurred()) code = ended(problem, capacity);
    flush("stdout");
    flush("stderr");
    Py_XDECREF(result);
    Py_XDECREF(loaded);
    Py_XDECREF(list);
    return code;
}
