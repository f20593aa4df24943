import ArgumentParser

/// The exit codes of every command.
extension ExitCode {
    /// Finished, but nothing qualified: a loss was rejected, no candidate was promoted.
    static let nothingQualified = ExitCode(2)
    /// Bad input data: a file that is missing, malformed or empty.
    static let badInput = ExitCode(65)
    /// Interrupted, and resumable.
    static let interrupted = ExitCode(130)
}
