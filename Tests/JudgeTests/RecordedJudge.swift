import Foundation
import Testing

/// The fixture server `Tests/Fixtures/recorded_judge/server.py` as a child process.
final class RecordedJudge {
    struct Count: Decodable {
        let served: Int
        let failedAsRecorded: Int
        let refused: Int
        let mostInFlight: Int
    }

    private let process = Process()
    private let input = Pipe()
    private let port: Int

    init(data: String) throws {
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        let script = RealData.repository.appending(path: "Tests/Fixtures/recorded_judge/server.py").path
        process.arguments = ["python3", script, "--data", data]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        var line = Data()
        while let byte = try output.fileHandleForReading.read(upToCount: 1), !byte.isEmpty, byte != Data("\n".utf8) {
            line += byte
        }
        port = try #require(Int(String(decoding: line, as: UTF8.self)), "the recorded judge did not start")
    }

    func baseURL(of model: String) -> String { "http://127.0.0.1:\(port)/\(model)/v1" }

    func count() async throws -> Count {
        let curl = Process()
        curl.executableURL = URL(filePath: "/usr/bin/env")
        let program = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())"
        curl.arguments = ["python3", "-c", program, "http://127.0.0.1:\(port)/count"]
        let output = Pipe()
        curl.standardOutput = output
        try curl.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        curl.waitUntilExit()
        return try JSONDecoder().decode(Count.self, from: data)
    }

    func stop() {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }
}
