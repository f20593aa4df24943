/* Only carries pkg-config's flags; seccomp.h is included by the CLockdown shim alone. */
