public import Foundation

/// A program of ours in a process group of its own: JSON lines in, JSON lines out, everything it prints in a capped file.
///
/// Covered: the whole group ends with the program, with this object, or when its time is up; no zombie and no descriptor
/// stays behind; a child that floods its output or does not read its input stalls nobody.
/// Not covered: what the program may do. `losslab-worker` locks its loss processes down itself.
public final class ChildProcess: Sendable {
    public let processIdentifier: Int32
    /// What the program writes to its descriptor 3, line by line; ends when the program has ended.
    public let events: AsyncStream<String>

    private let life: ProcessLife
    private let input: InputWriter

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - environment: all of it; nothing is inherited.
    ///   - logFile: where standard output and standard error go, appended, up to `limits.logBytes`.
    public static func start(
        executable: URL, arguments: [String], environment: [String: String], workingDirectory: URL? = nil, logFile: URL,
        limits: ChildLimits = ChildLimits()
    ) throws -> ChildProcess {
        let log = try Descriptor.appending(to: logFile)
        let input = try Descriptor.socketPair()
        let output = try Descriptor.pipe()
        let events = try Descriptor.pipe()
        let ending = try Descriptor.pipe()
        let process = try spawn(
            SpawnRequest(
                executable: executable.path, arguments: arguments, environment: environment,
                workingDirectory: workingDirectory?.path, input: input.theirs, output: output.write,
                events: events.write))
        let life = ProcessLife(
            process: process, lifetime: limits.lifetime, ended: ending.read, living: ending.write)
        return ChildProcess(
            process: process, life: life, input: input.ours, output: output.read, log: log, events: events.read,
            limits: limits)
    }

    private init(
        process: Int32, life: ProcessLife, input: Descriptor, output: Descriptor, log: Descriptor, events: Descriptor,
        limits: ChildLimits
    ) {
        let (stream, continuation) = AsyncStream.makeStream(of: String.self)
        self.processIdentifier = process
        self.events = stream
        self.life = life
        self.input = InputWriter(descriptor: input)
        let logWriter = CappedLog(file: log, limit: limits.logBytes)
        readInBackground(from: output, until: life.ended) {
            logWriter.append($0)
        } atEnd: {
        }
        let lines = LineSplitter(limit: limits.eventLineBytes)
        readInBackground(from: events, until: life.ended) { bytes in
            if !lines.split(bytes, { continuation.yield($0) }) { life.kill(SIGKILL) }
        } atEnd: {
            continuation.finish()
        }
        life.watch()
    }

    deinit { life.kill(SIGKILL) }

    /// Writes a line to the program's standard input; waits while the program does not read.
    public func send(line: String) async throws {
        try await input.write(Data((line + "\n").utf8))
    }

    /// Ends the program's standard input.
    public func closeInput() {
        input.close()
    }

    /// How the program ended; waits until it has. A non-zero exit code is a normal result, not a thrown error.
    public func wait() async -> ChildExit {
        await life.wait()
    }

    /// Kills the program and its process group at once.
    public func killTree() {
        life.kill(SIGKILL)
    }

    /// Asks the process group to end (SIGTERM), kills it after the grace, and waits until it is gone.
    @discardableResult
    public func terminate(grace: Duration = .seconds(5)) async -> ChildExit {
        life.kill(SIGTERM)
        let deadline = Task { [life] in
            try await Task.sleep(for: grace)
            life.kill(SIGKILL)
        }
        defer { deadline.cancel() }
        return await life.wait()
    }
}

/// What a child may use.
public struct ChildLimits: Sendable {
    /// Bytes of its output that are kept; the rest is read and dropped.
    public let logBytes: Int
    /// The longest event; a child that writes a longer one is killed.
    public let eventLineBytes: Int
    /// How long it may run; `nil` is for as long as it likes.
    public let lifetime: Duration?

    public init(logBytes: Int = 4 << 20, eventLineBytes: Int = 64 << 20, lifetime: Duration? = nil) {
        self.logBytes = logBytes
        self.eventLineBytes = eventLineBytes
        self.lifetime = lifetime
    }
}

/// How a child ended.
public enum ChildExit: Sendable, Equatable, CustomStringConvertible {
    case exited(code: Int32)
    case signaled(Int32)
    /// It was killed because its lifetime was over.
    case expired

    public var description: String {
        switch self {
        case .exited(let code): "exit code \(code)"
        case .signaled(let signal): "killed by signal \(signal)"
        case .expired: "killed when its time was over"
        }
    }
}
