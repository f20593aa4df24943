import ChatClient
import Foundation
import LoopbackServers
import Testing

@Suite(
    .tags(.slow), .serialized,
    .enabled(if: ForeignServer.isInstalled, "needs .venv-servers: make .venv-servers/.complete"))
struct OtherServersTests {
    /// LiteLLM's proxy before the server that writes losses: the same campaign as without it.
    @Test func aCampaignThroughLiteLLMEndsAsOneWithoutIt() async throws {
        let model = try ModelServer()
        let key = "sk-loopback-0123456789-0123456789-0123456789"
        let proxy = try ForeignServer(
            liteLLM: """
                  - model_name: scripted
                    litellm_params: {model: openai/scripted, api_base: "\(model.base)", api_key: none}
                """, key: key)
        defer { proxy.stop() }
        func campaign(_ base: String, key: String?) -> ModelCampaign {
            var campaign = ModelCampaign(base, strategy: "program", candidates: 8, generationSize: 8)
            campaign.key = key
            return campaign
        }
        let direct = campaign(model.base, key: nil)
        let expected = try await direct.run()
        let through = campaign(proxy.root + "/v1", key: key)
        #expect(try await through.run() == expected)
        // LiteLLM counts tokens itself where the server does not, so the calls' sizes may differ; the losses may not.
        let (one, other) = (await direct.candidates(), await through.candidates())
        #expect(one.map(\.source) == other.map(\.source) && one.map(\.status) == other.map(\.status))
        #expect(one.count >= 8)
    }

    /// A policy of the benchmark as a proposer: it writes nonsense, and the campaign says so.
    @Test(.tags(.python), .enabled(if: Program.hasPython, "needs .venv: make setup"))
    func aSmallCheckpointUnderTransformersServeEndsHonestly() throws {
        let policy = Program.repository.appending(path: "evaluation/microbench/base/policy").path
        let server = try ForeignServer("/health") { port, _ in
            [
                "-m", "transformers.cli.transformers", "serve", policy, "--host", "127.0.0.1", "--port", "\(port)",
                "--device", "cpu",
            ]
        }
        defer { server.stop() }
        let program = try ModelCommandTests.program()
        defer { program.remove() }
        let recipe = ModelCommandTests.recipe(server.root + "/v1", candidates: 1)
            .replacing("model: scripted", with: "model: \(policy)\n  maxTokens: 64\n  contextTokens: 2048")
        _ = try program.write(recipe, to: "runs/model.yaml")
        let outcome = try program.run("campaign", "run", "runs/model.yaml")
        #expect(outcome.code == 2, "\(outcome.errors)")
        #expect(outcome.output.contains("## Verdict: no discovery"))
        #expect(outcome.output.contains("evolution") && outcome.output.contains("0 failed"), "\(outcome.output)")
    }
}
