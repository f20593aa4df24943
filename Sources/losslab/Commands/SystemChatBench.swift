import ArgumentParser
import ChatClient
import Foundation

/// `losslab system chat-server`: what `chat-bench` and other clients are measured against.
struct SystemChatServer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat-server",
        abstract: "Serve one fixed chat reply on loopback until standard input ends; prints its base URL.")

    func run() async throws {
        let server = try LoopbackChatServer()
        print("http://127.0.0.1:\(server.port)/v1")
        fflush(nil)
        server.run()
    }
}

/// `losslab system chat-bench`: requests a second of the chat client.
struct SystemChatBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat-bench", abstract: "Measure requests a second of the chat client against a server.")

    @Option(help: "Base URL, as `losslab system chat-server` prints it.")
    var url: String

    @Option(help: "Requests in a round.")
    var requests = 5000

    @Option(help: "Requests in flight.")
    var concurrency = 64

    @Option(help: "Rounds; one more goes before as a warm-up.")
    var rounds = 1

    @OptionGroup var formatOption: FormatOption

    func validate() throws {
        guard requests >= 1, concurrency >= 1, rounds >= 1 else {
            throw ValidationError("--requests, --concurrency and --rounds must be at least 1")
        }
    }

    func run() async throws {
        try await orFail {
            let client = try ChatClient(endpoint: ChatEndpoint(baseURL: url, concurrency: concurrency, retries: 0))
            _ = try await round(client, requests: min(requests, 500))
            var rates: [Double] = []
            for _ in 0..<rounds { rates.append(try await round(client, requests: requests)) }
            switch formatOption.format {
            case .json: try printJSON(rates)
            case .table: print(rates.map { "\(decimal($0, 0)) requests a second" }.joined(separator: "\n"))
            }
        }
    }

    /// Requests a second of one round: as many tasks as requests in flight, each asking again once answered.
    private func round(_ client: ChatClient, requests: Int) async throws -> Double {
        let prompt = String(repeating: "Describe what a preference loss does to a policy. ", count: 24)
        let request = ChatRequest(
            model: "bench",
            messages: [ChatMessage(.system, "You are a careful scientist."), ChatMessage(.user, prompt)],
            temperature: 0, maxTokens: 256)
        let began = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<concurrency {
                let share = requests / concurrency + (worker < requests % concurrency ? 1 : 0)
                group.addTask {
                    for _ in 0..<share { _ = try await client.complete(request, for: ChatPurpose(step: "bench")) }
                }
            }
            try await group.waitForAll()
        }
        return Double(requests) / ((ContinuousClock.now - began) / .seconds(1))
    }
}
