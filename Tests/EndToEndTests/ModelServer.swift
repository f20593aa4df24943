import LoopbackServers
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
        let refused: Int
        let faults: [String: Int]
    }

    var base: String { server.firstLine }
    private let server: FixtureServer

    init(_ arguments: String...) throws {
        server = try FixtureServer(fixture: "model_server/model_server.py", arguments)
        try #require(base.hasPrefix("http://127.0.0.1:"), "the model server did not start")
    }

    func stop() { server.stop() }

    func counts() throws -> Counts { try server.get(Counts.self, "/count") }
}
