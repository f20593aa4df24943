#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Natural logarithm, so that the value layer needs no Foundation.
func logOf(_ x: Double) -> Double { log(x) }
