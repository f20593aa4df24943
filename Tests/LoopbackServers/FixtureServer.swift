public import Foundation

/// A server of `Tests/Fixtures` as a child process: it prints where it listens first and ends when its input closes.
public final class FixtureServer: Sendable {
    /// The first line that the server printed: its port, or its address.
    public let firstLine: String
    private let process = Process()
    private let input = Pipe()

    /// - Parameter arguments: the program, looked up in `PATH`, and its arguments.
    public init(_ arguments: [String]) throws {
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        var line = Data()
        while let byte = try output.fileHandleForReading.read(upToCount: 1), !byte.isEmpty, byte[0] != 0x0A {
            line += byte
        }
        firstLine = String(decoding: line, as: UTF8.self)
        guard !firstLine.isEmpty else { throw ServerError(arguments.joined(separator: " "), said: "nothing") }
    }

    /// `python3 Tests/Fixtures/FILE ARGUMENTS`, by the system's Python unless another is named.
    public convenience init(fixture: String, _ arguments: [String] = [], python: String = "/usr/bin/python3") throws {
        try self.init([python, "-B", Self.fixtures.appending(path: fixture).path] + arguments)
    }

    deinit { stop() }

    public static let repository = URL(filePath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    public static let fixtures = repository.appending(path: "Tests/Fixtures")

    public var port: Int { Int(firstLine) ?? 0 }

    /// What the server answers at a path with, as JSON.
    ///
    /// Asked by a process of its own: Foundation's client holds the threads that tests need.
    public func get<Value: Decodable>(_ type: Value.Type, _ path: String) throws -> Value {
        let root = firstLine.hasPrefix("http") ? firstLine : "http://127.0.0.1:\(firstLine)"
        let client = Process()
        client.executableURL = URL(filePath: "/usr/bin/python3")
        let program = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())"
        client.arguments = ["-c", program, root + path]
        let output = Pipe()
        client.standardOutput = output
        try client.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        client.waitUntilExit()
        return try JSONDecoder().decode(type, from: data)
    }

    public func stop() {
        try? input.fileHandleForWriting.close()
        process.terminate()
        process.waitUntilExit()
    }
}

/// A server that did not start, and what it said.
public struct ServerError: Error, CustomStringConvertible {
    public let description: String

    init(_ server: String, said: String) { description = "\(server) did not start; it said: \(said)" }
}
