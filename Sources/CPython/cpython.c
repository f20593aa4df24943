#include "CPython.h"
#include <Python.h>
int cpython_placeholder(void) { return PY_MAJOR_VERSION; }
