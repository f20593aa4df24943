/* Only carries pkg-config's flags; Python.h is included by the CPython shim alone. */
