import CampaignRunner
import ChatClient
import Foundation
import LabCore
import LabTesting
import Proposer
import Synchronization

/// A campaign whose losses a server writes over HTTP, and whose training is a stand-in.
struct ModelCampaign: Sendable {
    var config: CampaignConfig
    let base: String
    var key: String?
    var ledger = ChatLedger()
    var steps: any StepStore = InMemoryStepStore()
    let archive = InMemoryArchive()
    let log = CallLog()

    static let catalogue: [LossSource] = [
        .standIn("dpo", "F.softplus(-x)"), .standIn("slic", "F.relu(1 - x)"), .standIn("ipo", "(x - 0.5) ** 2"),
        .standIn("kto_pair", "1 - torch.sigmoid(x)"),
    ]

    init(_ base: String, strategy: String, candidates: Int, generationSize: Int, critique: Bool = false) {
        self.base = base
        var model = ProposingModelConfig(model: "scripted")
        model.critique = critique
        if strategy == "completion" { (model.form, model.evidence) = (.completion, 2) }
        config = CampaignConfig(
            name: "model", seed: 5, transferWorld: nil,
            proposer: ProposerConfig(
                strategy: strategy == "discopop" ? strategy : "program", controlArms: [:], model: model),
            budget: BudgetConfig(candidates: candidates, generationSize: generationSize, proposalFactor: 3),
            tuning: TuningConfig(fullSeeds: [1, 2]),
            confirmation: ConfirmationConfig(finalists: 2, catalogueLosses: 2, seeds: Array(101...104)), workers: 4)
    }

    func run() async throws -> LabCore.Confirmation {
        let model = config.proposer.model ?? ProposingModelConfig(model: "")
        let endpoint = ChatEndpoint(
            baseURL: base, keyEnvironment: key == nil ? nil : "KEY", concurrency: 8, retries: 6,
            backoff: .milliseconds(5))
        let client = try ChatClient(endpoint: endpoint, ledger: ledger, environment: key.map { ["KEY": $0] } ?? [:])
        let screener = TextScreener()
        let parts = ProposerParts(
            caller: ModelCaller(service: client, config: model, campaign: config.name, store: steps, log: log),
            prompts: try PromptLibrary(), screener: screener, tolerance: 1e-3, task: "Find losses.")
        var limits = StageLimits()
        limits.retryDelay = .milliseconds(1)
        return try await CampaignRunner(
            config: config, grid: SettingGrid(learningRates: [1e-3], betas: [0.05, 0.1]), catalogue: Self.catalogue,
            stages: CampaignStages(
                proposer: ArmRouter(searching: parts.proposer(strategy: config.proposer.strategy)), screener: screener,
                trials: TextTrials(),
                identity: ExperimentIdentity()),
            storage: CampaignStorage(archive: archive, steps: steps, cache: InMemoryStepStore()), limits: limits
        ).run()
    }

    func candidates() async -> [Candidate] {
        await archive.snapshot(of: config.name).candidates.filter { $0.id.number > 0 }
    }
}

/// Calls in memory.
final class CallLog: ConversationLog {
    private let kept = Mutex<[Exchange]>([])

    var exchanges: [Exchange] { kept.withLock { $0 } }

    func append(_ exchange: Exchange) {
        kept.withLock { kept in
            let isKnown = kept.contains {
                $0.candidate == exchange.candidate && $0.identity != nil && $0.identity == exchange.identity
            }
            if !isKnown { kept.append(exchange) }
        }
    }
}
