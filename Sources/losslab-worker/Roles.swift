import CLockdown
import EmbeddedPython
import Glibc

/// T: trusted, reads jobs from standard input, writes events to a descriptor of its own.
func runTrainer(_ options: Options) -> Int32 {
    signal(SIGPIPE, SIG_IGN)
    // It may have ended before this process came so far.
    let startedBy = getenv("LOSSLAB_PARENT").flatMap { pid_t(String(cString: $0)) } ?? 0
    guard lockdown_end_with_parent(startedBy) == 0 else {
        emitFatal("no thread to wait for the end of the program that started this one", to: options.eventsDescriptor)
        return 1
    }
    // Before the first import of torch, which reads them once.
    for name in threadCounts { setenv(name, "1", 0) }
    var arguments = ["--events-fd", "\(options.eventsDescriptor)", "--worker", executablePath()]
    if let venv = options.venv { arguments += ["--venv", venv] }
    for path in options.pythonPaths { arguments += ["--python-path", path] }
    if let cache = options.cacheDirectory { arguments += ["--cache", cache] }
    if options.allowsUnsandboxed { arguments.append("--allow-unsandboxed") }
    do {
        return try startPython(options).call("losslab_trainer.serve", "main", arguments)
    } catch {
        emitFatal("\(error)", logged: isTraced(error), to: options.eventsDescriptor)
        return 1
    }
}

/// The zygote: warm, forks one locked-down loss process per loss. Its environment is emptied before Python starts.
func runLossZygote(_ options: Options) -> Int32 {
    scrubEnvironment()
    lockdown_hide_process()
    guard lockdown_die_with_parent(options.parent) == 0 else { return 1 }
    signal(SIGPIPE, SIG_IGN)
    var arguments = ["--control-fd", "\(options.controlDescriptor)"]
    if options.allowsUnsandboxed { arguments.append("--allow-unsandboxed") }
    do {
        return try startPython(options).call("losslab_trainer.loss_zygote", "main", arguments)
    } catch {
        emitFatal("\(error)", logged: isTraced(error), to: options.controlDescriptor)
        return 1
    }
}

private func isTraced(_ error: any Error) -> Bool { (error as? PythonFailure)?.isTraced ?? false }

private func startPython(_ options: Options) throws -> Interpreter {
    let venv = try PythonVenv(checking: options.venv ?? "")
    try venv.requireTorch()
    return try Interpreter.start(in: venv, paths: options.pythonPaths)
}

private let threadCounts = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]

/// What a loss may know of the machine it runs on: how many threads to use, and nothing else.
private func scrubEnvironment() {
    let kept = threadCounts + ["LD_LIBRARY_PATH"]
    var names = kept.map { strdup($0).map { UnsafePointer<CChar>($0) } }
    lockdown_scrub_environment(&names, names.count)
    names.forEach { free(UnsafeMutablePointer(mutating: $0)) }
    for name in threadCounts { setenv(name, "1", 1) }
    // A loss process stays on the CPU: no device is ever opened.
    setenv("CUDA_VISIBLE_DEVICES", "", 1)
}

private func executablePath() -> String {
    guard let path = realpath("/proc/self/exe", nil) else { return CommandLine.arguments[0] }
    defer { free(path) }
    return String(cString: path)
}
