import ChatClient
import Foundation
import Testing

@testable import Judge

/// Every real request, sent over HTTP by the lab's own client to a server that knows GPT-4's recorded judgments and
/// refuses whatever is not byte for byte what FastChat sent.
@Suite(.enabled(if: RealData.isThere, RealData.absence)) struct RecordedJudgeTests {
    private func client(_ server: RecordedJudge, _ model: String) throws -> ChatClient {
        let endpoint = ChatEndpoint(
            baseURL: server.baseURL(of: model), concurrency: 16, retries: 1, backoff: .milliseconds(1))
        return try ChatClient(endpoint: endpoint, environment: [:])
    }

    @Test(.timeLimit(.minutes(5))) func allJudgmentsAndScoresComeOutAsInTheRecord() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let server = try RecordedJudge(data: RealData.mtBench)
        defer { server.stop() }
        let suite = try MTBenchSuite(folder: RealData.mtBench)
        let categories = try RealData.categories()
        let recorded = rowsByModel(RealData.rows)
        var failures = 0
        for (model, expected) in try RealData.scores().sorted(by: { $0.key < $1.key }) {
            let settings = JudgeSettings(model: "gpt-4", concurrency: 16)
            let grader = SingleGrader(suite: suite, service: try client(server, model), settings: settings)
            let answers = try ModelAnswers.read("\(RealData.mtBench)/model_answer/\(model).jsonl")
            let outcome = try await SingleRun(folder: "\(scratch.path)/\(model)", grader: grader).run(answers)
            let score = JudgeScore(of: outcome.rows, notes: outcome.notes, categories: categories)
            #expect(abs(try #require(score.score) - expected.average) < 1e-9, "\(model)")
            #expect(abs(try #require(score.turn1) - expected.turn1) < 1e-9, "\(model)")
            #expect(abs(try #require(score.turn2) - expected.turn2) < 1e-9, "\(model)")
            #expect(score.unparsed == expected.minusOne, "\(model)")
            for (category, value) in expected.categories {
                #expect(abs((score.categories[category] ?? 0) - value) < 1e-9, "\(model) \(category)")
            }
            failures += score.unparsedReasons["apiError"] ?? 0
            let order = { (row: JudgmentRow) in (row.turn, row.question) }
            let ours = outcome.rows.sorted { order($0) < order($1) }
            let theirs = try #require(recorded[model]).sorted { order($0) < order($1) }
            #expect(ours.count == 160)
            for (own, other) in zip(ours, theirs) {
                let same =
                    own.question == other.question && own.turn == other.turn && own.judge == other.judge
                    && own.userPrompt == other.userPrompt && own.judgment == other.judgment && own.score == other.score
                #expect(same, "\(model) \(own.question) turn \(own.turn)")
            }
        }
        let count = try server.count()
        #expect(count.refused == 0)
        #expect(count.served == 2720 - 14)
        #expect(failures == 14)
        // Each failing request was tried twice.
        #expect(count.failedAsRecorded == 28)
        #expect(count.mostInFlight > 4)
        let files = try FileManager.default.contentsOfDirectory(atPath: scratch.path + "/gemma-SFT")
        #expect(files.sorted() == [".lock", "calls.jsonl", "gpt-4_single.jsonl"])
        #expect(try JudgmentRow.read(scratch.path + "/gemma-SFT/gpt-4_single.jsonl").count == 160)
    }

    @Test func whatIsNotByteForByteTheRecordedRequestIsRefused() async throws {
        let server = try RecordedJudge(data: RealData.mtBench)
        defer { server.stop() }
        let suite = try MTBenchSuite(folder: RealData.mtBench)
        let answers = try ModelAnswers.read("\(RealData.mtBench)/model_answer/gemma-SFT.jsonl")
        let call = try suite.calls(for: answers, judge: "gpt-4")[0]
        let client = try client(server, "gemma-SFT")
        func ask(
            user: String? = nil, model: String = "gpt-4", temperature: Double? = 0, tokens: Int = 2048
        ) async -> Bool {
            let messages = [ChatMessage(.system, call.system), ChatMessage(.user, user ?? call.user)]
            let request = ChatRequest(model: model, messages: messages, temperature: temperature, maxTokens: tokens)
            return (try? await client.complete(request, for: ChatPurpose(step: "judge"))) != nil
        }
        #expect(await ask())
        #expect(await !ask(user: call.user + " "))
        #expect(await !ask(user: call.user.replacing("\n\n", with: "\n")))
        #expect(await !ask(model: "gpt-4o"))
        #expect(await !ask(temperature: 0.1))
        #expect(await !ask(temperature: nil))
        #expect(await !ask(tokens: 1024))
        let stranger = try self.client(server, "nobody")
        let request = ChatRequest(model: "gpt-4", messages: [ChatMessage(.user, "x")])
        await #expect(throws: ChatError.self) { try await stranger.complete(request, for: ChatPurpose(step: "judge")) }
    }
}
