import Foundation
import Testing

/// The server of `Tests/Fixtures/model_server`, which writes losses by a script and misbehaves when told.
final class ModelServer: Sendable {
    struct Counts: Decodable {
        let requests: Int
        /// Different requests by content.
        let contents: Int
        /// Contents that were answered in full more than once.
        let repeated: Int
        let answered: Int
        let faults: [String: Int]
    }

    let base: String
    private let process: Process
    private let input = Pipe()

    init(_ arguments: String...) throws {
        process = Process()
        process.executableURL = URL(filePath: "/usr/bin/python3")
        let file = Program.repository.appending(path: "Tests/Fixtures/model_server/model_server.py")
        process.arguments = ["-B", file.path] + arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardInput = input
        try process.run()
        var line = Data()
        while let byte = try output.fileHandleForReading.read(upToCount: 1), !byte.isEmpty, byte[0] != 0x0A {
            line += byte
        }
        base = String(decoding: line, as: UTF8.self)
        try #require(base.hasPrefix("http://127.0.0.1:"), "the model server did not start")
    }

    deinit { stop() }

    func stop() {
        try? input.fileHandleForWriting.close()
        process.terminate()
    }

    func counts() throws -> Counts {
        let curl = Process()
        curl.executableURL = URL(filePath: "/usr/bin/python3")
        curl.arguments = [
            "-c", "import sys,urllib.request as u;print(u.urlopen(sys.argv[1]).read().decode())", base + "/count",
        ]
        let output = Pipe()
        curl.standardOutput = output
        try curl.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        curl.waitUntilExit()
        return try JSONDecoder().decode(Counts.self, from: data)
    }
}
