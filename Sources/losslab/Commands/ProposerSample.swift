import Archive
import ArgumentParser
import ChatClient
import Evolution
import Foundation
import LabConfig
import LabCore
import Proposer
import Trainer

/// `losslab proposer sample`: how many usable losses a model writes.
struct ProposerSampleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sample", abstract: "Let a model write losses, screen them, and count what is usable.",
        discussion: """
            Nothing is trained. Each draft is asked for by itself, from the catalogue with a world's published scores, as \
            in the first generation of a campaign. An interrupted sample goes on where it stopped.
            """)

    @OptionGroup var endpoint: ProposerEndpointOptions

    @Option(help: "completion, chat (without the analysing step) or discopop.")
    var form: String = PromptForm.completion.rawValue

    @Option(help: "Drafts to ask for.")
    var drafts = 60

    @Option(help: "Sampling temperature.")
    var temperature = 0.8

    @Option(help: "Repairs, or further samples after a copy, of one draft at most.")
    var repairs = 2

    @Option(help: "Earlier losses shown with their code.")
    var evidence = 2

    @Option(help: "Drafts written at the same time.")
    var concurrency = 2

    @Option(help: "The world whose scores the catalogue is shown with.")
    var world = "length-biased"

    @Option(help: "Seed of parents and replies.")
    var seed: UInt64 = 1

    @Option(
        name: [.customShort("o"), .customLong("out")], help: "Folder for drafts and conversations.",
        completion: .directory)
    var output: String

    @OptionGroup var projectOption: ProjectOption
    @OptionGroup var formatOption: FormatOption

    static let forms = PromptForm.allCases.map(\.rawValue) + ["discopop"]

    func validate() throws {
        guard Self.forms.contains(form) else {
            throw ValidationError("--form is \(Self.forms.joined(separator: ", ")), not \(form)")
        }
        guard (1...10_000).contains(drafts) else { throw ValidationError("--drafts is from 1 to 10000") }
    }

    func run() async throws {
        let project = try projectOption.resolve()
        var config = try endpoint.over(ProposingModelConfig(model: ""), concurrency: concurrency)
        guard !config.model.isEmpty else {
            log("losslab: name an --embedded model, or a --model and its --base-url")
            throw ExitCode.badInput
        }
        config.form = form == PromptForm.completion.rawValue ? .completion : .chat
        config.maxTokens = config.form == .completion ? 300 : 600
        config.temperature = temperature
        (config.repairs, config.evidence, config.analyse) = (repairs, evidence, false)
        let folder = try readingInput {
            try SampleFolder(
                output,
                .init(
                    model: config.model, form: form, temperature: temperature, world: world, seed: seed,
                    repairs: repairs, evidence: evidence))
        }
        let pool = WorkerPool(size: 1, configuration: project.workerConfiguration())
        try await orFail {
            let models = EmbeddedModels(project)
            let client = try await models.client(
                config.endpoint, contextTokens: config.contextTokens, prices: try project.prices())
            let sampling = try await Sampling(
                config, service: client, screener: PoolScreener(pool: pool), folder: folder, project: project)
            let found = try await sampling.drafts(drafts)
            await models.stop()
            try folder.keep(found)
        }
        await pool.close()
        let summary = try folder.summary()
        if formatOption.format == .json { try printJSON(summary) } else { print(sampleTable([summary])) }
    }
}

/// `losslab proposer table FOLDER...`: samples side by side.
struct ProposerTableCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "table", abstract: "Compare samples of several models and forms.")

    @Argument(help: "Folders of `losslab proposer sample`.", completion: .directory)
    var folders: [String]

    @OptionGroup var formatOption: FormatOption

    func run() throws {
        let summaries = try readingInput { try folders.map { try SampleFolder(existing: $0).summary() } }
        if formatOption.format == .json { try printJSON(summaries) } else { print(sampleTable(summaries)) }
    }
}

/// Draft by draft, as a campaign's first generation would.
private struct Sampling {
    let config: ProposingModelConfig
    let service: any ChatService
    let screener: PoolScreener
    let folder: SampleFolder
    let snapshot: ArchiveSnapshot
    let prompts: PromptLibrary

    init(
        _ config: ProposingModelConfig, service: any ChatService, screener: PoolScreener, folder: SampleFolder,
        project: Project
    ) async throws {
        self.config = config
        self.service = service
        self.screener = screener
        self.folder = folder
        prompts = try PromptLibrary(overrides: config.prompts.map(project.path))
        var screenings: [String: Screening] = [:]
        for loss in try LossCatalogue.load(project.losses).losses {
            screenings[loss.name] = try await screener.screen(loss.text, name: loss.name)
        }
        snapshot = try ScoredCatalogue(world: folder.settings.world, project: project, screenings: screenings).snapshot
    }

    func drafts(_ count: Int) async throws -> [SampledDraft] {
        let (log, steps) = (ConversationFiles(folder.path), try StepLog(folder.path + "/steps.log"))
        let progress = ProgressLine()
        defer { progress.finish() }
        var proposals: [Int: (LossProposal, Screening)] = [:]
        try await withThrowingTaskGroup(of: (Int, LossProposal, Screening).self) { group in
            var next = 1
            func add() {
                guard next <= count else { return }
                let number = next
                next += 1
                group.addTask { try await draft(number, log, steps) }
            }
            for _ in 0..<max(1, config.endpoint.concurrency) { add() }
            while let (number, proposal, screening) = try await group.next() {
                proposals[number] = (proposal, screening)
                progress.show("drafts", proposals.count, of: count)
                add()
            }
        }
        return judged(proposals)
    }

    private func draft(
        _ number: Int, _ log: ConversationFiles, _ steps: StepLog
    ) async throws -> (Int, LossProposal, Screening) {
        let store = StepStorePart(whole: steps, prefix: "draft/\(number)/")
        let caller = ModelCaller(
            service: service, config: config, campaign: "sample", store: store, log: log)
        let parts = ProposerParts(
            caller: caller, prompts: prompts, screener: screener, tolerance: NoveltyFilter.defaultTolerance,
            task: ProposerParts.task(gradedBy: nil))
        let proposer = parts.proposer(strategy: folder.settings.form == "discopop" ? "discopop" : "program")
        var generator = SeededGenerator(seed: folder.settings.seed, stream: UInt64(number))
        let parents = MixedSelector().selectParents(from: snapshot, count: 2, using: &generator)
        let request = ProposalRequest(
            arm: .evolution, parents: parents.compactMap(snapshot.candidate), snapshot: snapshot,
            seed: generator.next(), number: number)
        let proposal = try await proposer.propose(request)
        let screening = try await screener.screen(proposal.text, name: nil, reply: proposal.reply)
        return (number, proposal, screening)
    }

    /// In the order of their numbers, each compared with the catalogue and all before it.
    private func judged(_ proposals: [Int: (LossProposal, Screening)]) -> [SampledDraft] {
        var known = snapshot.candidates.compactMap { loss in
            loss.fingerprint.map { (name: loss.source?.name ?? loss.proposal.name, print: $0) }
        }
        return proposals.sorted { $0.key < $1.key }.map { number, found in
            let (proposal, screening) = found
            let own = screening.accepted ? screening.fingerprint : nil
            let twin = own.flatMap { own in
                known.first { own.distance(to: $0.print) <= NoveltyFilter.defaultTolerance }?.name
            }
            if let own, twin == nil { known.append(("draft \(number)", own)) }
            return SampledDraft(number: number, proposal: proposal, screening: screening, twin: twin)
        }
    }
}
