import ChatClient
import LabCore
import LabTesting
import Testing

@testable import Proposer

/// What a server may refuse of a request is known before the first one is sent.
@Suite struct RequestShapeTests {
    /// What a server may refuse, whatever the texts.
    private struct Shape: Hashable {
        let temperature: Double?
        let maxTokens: Int?
        let hasSeed: Bool
        let format: ChatRequest.ReplyFormat
        let reasoningEffort: String?
        let hasSystem: Bool

        init(_ request: ChatRequest) {
            temperature = request.temperature
            maxTokens = request.maxTokens
            hasSeed = request.seed != nil
            format = request.format
            reasoningEffort = request.reasoningEffort
            hasSystem = request.messages.contains { $0.role == .system }
        }
    }

    private static func sent(_ config: ProposingModelConfig) async throws -> [ChatRequest] {
        let sound = Replies.loss(FakeLoss(name: "fresh", value: 6))
        let refused = Replies.loss(FakeLoss(name: "os-import", value: 6, behaviour: .refused))
        let model = ScriptedModel { _, purpose, _ in
            switch purpose.step {
            case "analyse": Replies.analysis
            case "critique": #"{"edits": ["more"]}"#
            case "write": refused
            default: sound
            }
        }
        _ = try await ProgramProposer(.test(model, config)).propose(FakeArchive.request(5))
        _ = try await DiscoPOPProposer(.test(model, config)).propose(FakeArchive.request(5))
        #expect(Set(model.steps) == ["analyse", "write", "repair", "critique", "discopop"])
        return model.requests.map(\.request)
    }

    @Test(arguments: ["openai", "anthropic"], [1, 0.5, nil])
    func theShapesAreThoseOfTheRequestsThatAreSent(_ provider: String, temperature: Double?) async throws {
        var config = ProposingModelConfig(
            model: "m", endpoint: EndpointConfig(provider: provider), temperature: temperature, critique: true,
            reasoningEffort: "low")
        config.maxTokens = 700
        let shapes = ["program", "discopop"].flatMap { ModelCaller.shapes(config, strategy: $0) }
        #expect(Set(shapes.map(Shape.init)) == Set(try await Self.sent(config).map(Shape.init)))
    }

    @Test func noTemperatureIsSentWhereTheRecipeWantsNone() async throws {
        let config = ProposingModelConfig(model: "m", temperature: nil, critique: true)
        #expect(try await Self.sent(config).allSatisfy { $0.temperature == nil })
        let usual = try await Self.sent(ProposingModelConfig(model: "m", critique: true)).map(\.temperature)
        #expect(Set(usual) == [1, 0.7, 0.3])
    }
}
