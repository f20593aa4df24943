import CPython

/// A Python that failed: it did not start, or what it ran raised.
public struct PythonFailure: Error, CustomStringConvertible {
    /// One sentence.
    public let description: String
    /// Whether Python has printed a trace to standard error.
    public var isTraced = false
}

/// The one CPython of this process, inside a verified venv.
///
/// Nothing here uses Foundation or concurrency: the process forks while Python runs.
public struct Interpreter {
    /// Starts Python in `venv`, with `paths` first in `sys.path`; at most once a process.
    public static func start(in venv: PythonVenv, paths: [String]) throws -> Interpreter {
        try withCStrings(paths) { paths in
            try venv.program.withCString { program in
                try venv.directory.withCString { directory in
                    var options = cpython_options(
                        program: program, venv: directory, paths: paths.baseAddress, path_count: paths.count)
                    try withProblem(capacity: 1024) { problem, capacity in
                        cpython_start(&options, problem, capacity)
                    }
                }
            }
        }
        return Interpreter()
    }

    /// Runs `module.function(arguments)`, which returns an exit code.
    public func call(_ module: String, _ function: String, _ arguments: [String]) throws -> Int32 {
        try withCStrings(arguments) { arguments in
            try withProblem(capacity: 4096, isTraced: true) { problem, capacity in
                cpython_call(module, function, arguments.baseAddress, arguments.count, problem, capacity)
            }
        }
    }
}

/// Calls a C function that returns a negative number and writes a text when it fails.
@discardableResult
private func withProblem(
    capacity: Int, isTraced: Bool = false, _ body: (UnsafeMutablePointer<CChar>?, Int) -> Int32
) throws -> Int32 {
    var problem = [CChar](repeating: 0, count: capacity)
    let result = problem.withUnsafeMutableBufferPointer { body($0.baseAddress, $0.count) }
    if result < 0 {
        throw PythonFailure(description: text(in: problem), isTraced: isTraced)
    }
    return result
}

private func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafeBufferPointer<UnsafePointer<CChar>?>) throws -> Result
) rethrows -> Result {
    let copies = strings.map { string in
        let bytes = Array(string.utf8CString)
        let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
        copy.initialize(from: bytes, count: bytes.count)
        return copy
    }
    defer { copies.forEach { $0.deallocate() } }
    return try copies.map { UnsafePointer<CChar>?($0) }.withUnsafeBufferPointer(body)
}

/// The text that a C function left in a buffer, up to its terminating zero.
public func text(in buffer: [CChar]) -> String {
    String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}
