import Archive
import CampaignRunner
import ChatClient
import Evolution
import Foundation
import Judge
import LabCore
import Laboratory
import Proposer

/// The parts of a campaign that ask language models: one ledger for all, the proposer, and whatever else is configured.
struct ModelStages {
    let ledger: ChatLedger
    private let prices: PriceTable
    private let models: EmbeddedModels
    let directory: RunDirectory

    /// - Parameters:
    ///   - budget: takes the place of the configured one, also for later resumptions.
    ///   - check: what asking the models once has cost already.
    ///   - models: those that this machine serves itself.
    init(
        _ directory: RunDirectory, project: Project, models: EmbeddedModels, budget: ModelBudget?,
        check: ModelCheck? = nil
    ) async throws {
        self.directory = directory
        self.models = models
        prices = try project.prices()
        let allowed = try await Self.budget(given: budget, directory)
        let file = try SpendingFile(spendingFile(of: directory.path))
        if let check { try file.book(check.spending) }
        ledger = ChatLedger(budget: allowed, file: file)
    }

    private static let budgetKey = "session/model-budget"

    /// The given budget's limits over those given at an earlier resumption, over the recipe's.
    private static func budget(given: ModelBudget?, _ directory: RunDirectory) async throws -> ModelBudget {
        var allowed = directory.manifest.config.budget.model ?? ModelBudget()
        if let bytes = try directory.steps.value(for: budgetKey),
            let earlier = try? JSONDecoder().decode(ModelBudget.self, from: Data(bytes))
        {
            allowed = earlier
        }
        guard let given else { return allowed }
        allowed.usd = given.usd ?? allowed.usd
        allowed.tokens = given.tokens ?? allowed.tokens
        allowed.calls = given.calls ?? allowed.calls
        try directory.steps.store([UInt8](try JSONEncoder().encode(allowed)), for: budgetKey)
        return allowed
    }

    /// Every call of a model has its own limit, retries included; the one here is for all calls of a candidate.
    var limits: StageLimits {
        var limits = StageLimits()
        let config = directory.manifest.config
        if config.proposer.model != nil { limits.proposal = .seconds(4 * 3_600) }
        if config.judge != nil {
            limits.firstTrial = .seconds(4 * 3_600)
            limits.trialMinimum = .seconds(3_600)
        }
        // A training of a large model takes hours, a confirmation's the longest.
        if config.policy != nil {
            limits.firstTrial = .seconds(14 * 86_400)
            limits.trialMinimum = .seconds(4 * 3_600)
        }
        return limits
    }

    /// Looks for the key when it is first asked, so that a campaign with nothing left to ask resumes without one.
    func client(
        _ endpoint: EndpointConfig, contextTokens: Int? = nil, cache: ResponseCache? = nil
    ) -> any ChatService {
        let (prices, ledger, models) = (prices, ledger, models)
        return DeferredChatClient {
            try await models.client(
                endpoint, contextTokens: contextTokens, prices: prices, ledger: ledger, cache: cache)
        }
    }

    /// The laboratory with the judge that the recipe names; the worlds' rubrics where it names none.
    func judged(_ laboratory: Laboratory, project: Project) async throws -> Laboratory {
        if let judge = directory.manifest.config.judge, judge.kind == "pairwise" {
            return try await compared(laboratory, by: judge, project: project)
        }
        guard let judge = directory.manifest.config.judge, judge.kind == "mt_bench", let model = judge.model else {
            return laboratory
        }
        let folder = try directory.manifest.config.policy.flatMap {
            try CampaignQuestions($0.evaluation, in: project).suiteFolder
        }
        let own = folder.map { $0 + "/judge_prompts.jsonl" } ?? ""
        let prompts =
            FileManager.default.fileExists(atPath: own)
            ? own : project.root + "/evaluation/mt_bench/judge_prompts.jsonl"
        guard FileManager.default.fileExists(atPath: prompts) else {
            throw JudgeError(
                .unreadable,
                "\(prompts) is missing: `losslab evaluation fetch mt_bench` downloads it, or takes it --from DIR")
        }
        let references = try folder.map { $0 + "/reference_answer" }.map {
            ["references": try project.fileHashes.identity(of: $0)]
        }
        let suites = try laboratory.questions.map { name, files in
            let sets = try files.mapValues { file in
                try MTBenchSuite(
                    name: name, questions: file, prompts: prompts, references: folder.map { $0 + "/reference_answer" })
            }
            return (name, sets)
        }
        let settings = judge.settings(model: model, campaign: directory.manifest.config.name)
        // Small policies often give the same answer again; at temperature 0 it gets the same judgment.
        let cache = try ResponseCache(project.cache + "/judgments")
        let grading = MTBenchJudge(
            suites: Dictionary(uniqueKeysWithValues: suites), service: client(judge.endpoint, cache: cache),
            settings: settings)
        let world = directory.manifest.config.world
        warnOfUnresolvableGaps(questions: suites.first { $0.0 == world }?.1[.search]?.questions.count ?? 0)
        return laboratory.judged(
            by: grading,
            identity: judge.identity(
                model: model,
                ["prompts": try project.fileHashes.hash(ofFile: prompts)].merging(references ?? [:]) { $1 }))
    }

    /// Well-tuned losses differ by a tenth of a point or less; says so where the judge cannot see that.
    ///
    /// - Parameter questions: of the search, over which MT-Bench's measured spread is taken to hold.
    private func warnOfUnresolvableGaps(questions: Int) {
        let measured = JudgeResolution.mtBench
        let resolution = JudgeResolution(questions: questions, sd: measured.sd, correlation: measured.correlation)
        let seeds = directory.manifest.config.tuning.fullSeeds.count
        if let warning = resolution.warning(forGap: 0.1, seeds: seeds) { log("losslab: \(warning)") }
    }

    /// The campaign's proposer: the grammar, or a model with the grammar for the control arms.
    func proposer(screener: any LossScreener, project: Project) throws -> any LossProposer {
        let config = directory.manifest.config
        guard let model = config.proposer.model else { return GrammarProposer() }
        let reading = try WatchedReading(directory.path)
        let caller = ModelCaller(
            service: reading.service(client(model.endpoint, contextTokens: model.contextTokens)), config: model,
            campaign: config.name, store: directory.steps, log: reading.log(ConversationFiles(directory.path)))
        let parts = ProposerParts(
            caller: caller, prompts: try PromptLibrary(overrides: model.prompts.map(project.path)), screener: screener,
            tolerance: NoveltyFilter.defaultTolerance, task: ProposerParts.task(gradedBy: config.judge))
        return ArmRouter(searching: reading.proposer(parts.proposer(strategy: config.proposer.strategy)))
    }
}

extension EndpointConfig {
    func chatEndpoint(contextTokens: Int? = nil) -> ChatEndpoint {
        ChatEndpoint(
            provider: ChatEndpoint.Provider(rawValue: provider) ?? .openai, baseURL: baseURL,
            keyEnvironment: keyEnvironment, keyFile: keyFile, concurrency: concurrency,
            requestsPerMinute: requestsPerMinute, tokensPerMinute: tokensPerMinute, timeouts: timeouts.over(),
            contextTokens: contextTokens)
    }
}

extension ProposerParts {
    /// What every campaign's losses are for. The world's own flaw is not told: finding what suits it is the search.
    static func task(gradedBy judge: JudgeConfig?) -> String {
        let grading =
            switch judge?.kind {
            case "reward_model": "a reward model scores every answer, and the mean reward"
            case "classifier": "a classifier reads every answer, and the mean probability of the wanted class"
            default: "a judge grades every answer from 1 to 10, and the mean grade"
            }
        return """
            A language model is trained on pairs of a chosen and a rejected answer with each loss. The trained model \
            then answers questions, \(grading) is the loss's score. Learning rate and beta are tuned for every loss \
            alike.
            """
    }
}

extension Project {
    /// `evaluation/prices.yaml`: US dollars for a million tokens. Without the file no model has a price.
    func prices() throws -> PriceTable {
        let file = root + "/evaluation/prices.yaml"
        return FileManager.default.fileExists(atPath: file) ? try PriceTable(contentsOf: file) : PriceTable()
    }

    /// A path of the recipe: as it stands, or below the project.
    func path(_ text: String) -> String {
        let expanded = NSString(string: text).expandingTildeInPath
        return expanded.hasPrefix("/") ? expanded : root + "/" + expanded
    }
}

/// What a campaign's model was asked, what it cost and what came of it; `nil` for a campaign without one.
func modelAccount(
    of config: CampaignConfig?, _ snapshot: ArchiveSnapshot, runDirectory: String
) -> ModelAccount? {
    guard config?.proposer.model != nil else { return nil }
    return ModelAccount(exchanges: ConversationFiles.exchanges(of: runDirectory), snapshot: snapshot)
}
