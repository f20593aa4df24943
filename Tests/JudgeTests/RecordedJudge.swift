import LoopbackServers

/// The fixture server that answers with the recorded judgments of GPT-4.
struct RecordedJudge {
    struct Count: Decodable {
        let served: Int
        let failedAsRecorded: Int
        let refused: Int
        let mostInFlight: Int
    }

    private let server: FixtureServer

    init(data: String) throws {
        server = try FixtureServer(fixture: "recorded_judge/server.py", ["--data", data])
    }

    func baseURL(of model: String) -> String { "http://127.0.0.1:\(server.port)/\(model)/v1" }

    func count() throws -> Count { try server.get(Count.self, "/count") }

    func stop() { server.stop() }
}
