public import Foundation

/// The file that keeps what a child prints and the traces of what it failed at; none where it cannot be written, as in a
/// folder that is only for reading: a log is no reason to do nothing.
public struct ChildLog: Sendable {
    /// `nil` where it cannot be written.
    public let path: String?
    private let folder: String

    /// Makes the folder where it is missing.
    public init(_ name: String, in folder: String) {
        self.folder = folder
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let path = "\(folder)/\(name)"
        self.path = (try? Descriptor.appending(to: URL(filePath: path))).map { _ in path }
    }

    /// What to start a child with.
    public var file: URL { URL(filePath: path ?? "/dev/null") }

    /// Whether the text was kept.
    public func append(_ text: String) -> Bool {
        guard let path, let descriptor = try? Descriptor.appending(to: URL(filePath: path)) else { return false }
        let bytes = Array(text.utf8)
        return write(descriptor.number, bytes, bytes.count) == bytes.count
    }

    /// The end of a sentence about a child.
    public var hint: String { path.map { "; its log is \($0)" } ?? noLog }

    /// The end of a sentence about a failure whose trace is to be kept.
    public func keeping(trace: String, of what: String) -> String {
        let time = Date().formatted(.iso8601)
        return append("\n\(time) \(what)\n\(trace)\n") ? "; the trace is in \(path ?? "")" : noLog
    }

    private var noLog: String { "; there is no log, for \(folder) cannot be written" }
}
