import Archive
import ArgumentParser
import ChatClient
import Foundation
import LabConfig
import LabCore
import Proposer
import Trainer

struct ProposerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "proposer", abstract: "Run or print single steps of the LLM proposer, or count what it writes.",
        subcommands: [ProposerStepCommand.self, ProposerSampleCommand.self, ProposerTableCommand.self])
}

/// `losslab proposer step NAME`: one step alone, on a campaign's losses or on a state from a file.
struct ProposerStepCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "step", abstract: "Run or print one step of the LLM proposer.",
        discussion: "Steps: \(ProgramStep.alone.map(\.name).joined(separator: ", ")).")

    @Argument(help: "Name of the step.")
    var name: String

    @Flag(help: "Print the prompt without calling a model.")
    var dryRun = false

    @Option(help: "Take model, prompts and losses from this campaign.")
    var campaign: String?

    @Option(help: "The candidate that critique and repair look at, by its number in the campaign.")
    var candidate: Int?

    @Option(help: "JSON file with the state that the step reads: {\"hypothesis\": \"...\"}.", completion: .file())
    var state: String?

    @Option(help: "One piece of the state, such as hypothesis=\"...\". Overrides --campaign and --state.")
    var set: [String] = []

    @OptionGroup var endpoint: ProposerEndpointOptions

    @Option(help: "Folder of prompt files over the built-in ones.")
    var prompts: String?

    @OptionGroup var projectOption: ProjectOption
    @OptionGroup var formatOption: FormatOption

    /// What is printed as JSON.
    private struct Outcome: Encodable {
        let step: String
        let messages: [ChatMessage]
        let prompt: String?
        let reply: ChatReply?
        let reading: [String: String]?
        let screening: Screening?
        let problem: String?

        init(
            step: String, request: ChatRequest, reply: ChatReply? = nil, reading: [String: String]? = nil,
            screening: Screening? = nil, problem: String? = nil
        ) {
            self.step = step
            messages = request.messages
            prompt = request.prompt
            self.reply = reply
            self.reading = reading
            self.screening = screening
            self.problem = problem
        }
    }

    func validate() throws {
        if let wrong = set.first(where: { !$0.contains("=") }) {
            throw ValidationError("--set \(wrong): write KEY=TEXT")
        }
    }

    func run() async throws {
        let project = try projectOption.resolve()
        guard let alone = StepAlone(named: name) else {
            log("losslab: no step is named \(name); there are \(ProgramStep.alone.map(\.name).joined(separator: ", "))")
            throw ExitCode.badInput
        }
        let (config, recorded) = try await recorded(project)
        let state = try readingInput { try completed(config.evidence, recorded, alone) }
        let request = try readingInput {
            let library = try PromptLibrary(overrides: (prompts ?? config.prompts).map(project.path))
            return try alone.request(state, prompts: library, config: config)
        }
        guard !dryRun else { return try show(request) }
        guard !config.model.isEmpty else {
            log(
                "losslab: name an --embedded model, a --model (and its --base-url), or a --campaign that has one; "
                    + "--dry-run needs none")
            throw ExitCode.badInput
        }
        let reply = try await orFail {
            let models = EmbeddedModels(project)
            let client = try await models.client(
                config.endpoint, contextTokens: config.contextTokens, prices: try project.prices())
            let reply = try await client.complete(request, for: ChatPurpose(step: name))
            await models.stop()
            return reply
        }
        guard alone.writesLoss else { return try show(reply, alone.reading(of: reply), request) }
        try await show(reply, screened: alone.draft(of: reply, state), request, project)
    }

    /// A campaign's losses and what they are for.
    private struct Recorded {
        let snapshot: ArchiveSnapshot
        let task: String
    }

    /// The campaign's model, over which the options stand, and its losses.
    private func recorded(_ project: Project) async throws -> (ProposingModelConfig, Recorded?) {
        var config = ProposingModelConfig(model: "")
        var found: Recorded?
        if let campaign {
            let archive = try openArchive(project)
            found = try await orFail {
                guard let manifest = try await archive.manifest(of: campaign) else {
                    log("losslab: there is no campaign \(campaign); `losslab campaign list` shows them")
                    throw ExitCode.badInput
                }
                config = manifest.config.proposer.model ?? config
                return Recorded(
                    snapshot: try await archive.snapshot(of: campaign),
                    task: ProposerParts.task(gradedBy: manifest.config.judge))
            }
        }
        config = try endpoint.over(config)
        return (config, found)
    }

    /// Campaign, file and single values, the later over the earlier.
    private func completed(
        _ evidence: Int, _ recorded: Recorded?, _ alone: StepAlone
    ) throws -> [String: String] {
        var given: [String: String] = [:]
        if let state {
            guard let data = FileManager.default.contents(atPath: state),
                let values = try? JSONDecoder().decode([String: String].self, from: data)
            else { throw ValidationError("\(state): is no JSON object of texts") }
            given = values
        }
        for pair in set {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            given[String(parts[0])] = parts.count > 1 ? String(parts[1]) : ""
        }
        if let unknown = given.keys.sorted().first(where: { !alone.step.reads.contains($0) }) {
            throw ValidationError(
                "step \(name) does not read \(unknown); it reads \(alone.step.reads.joined(separator: ", "))")
        }
        let chosen = try recorded.flatMap { recorded in
            try candidate.map { number in
                guard let found = recorded.snapshot.candidate(CandidateID(number)) else {
                    throw ValidationError("campaign \(campaign ?? "") has no candidate \(number)")
                }
                return found
            }
        }
        let base = alone.state(
            from: recorded?.snapshot ?? ArchiveSnapshot(candidates: []), candidate: chosen,
            hypothesis: given["hypothesis"], evidence: evidence,
            task: recorded?.task ?? ProposerParts.task(gradedBy: nil))
        return base.merging(given) { $1 }
    }

    private func show(_ request: ChatRequest) throws {
        if formatOption.format == .json {
            return try printJSON(Outcome(step: name, request: request))
        }
        if let prompt = request.prompt { print(prompt) }
        for message in request.messages { print("=== \(message.role.rawValue) ===\n\(message.content)\n") }
    }

    /// A loss: what screening makes of the reply.
    private func show(
        _ reply: ChatReply, screened text: String, _ request: ChatRequest, _ project: Project
    ) async throws {
        let pool = WorkerPool(size: 1, configuration: project.workerConfiguration())
        let prompt = (request.messages.map(\.content) + [request.prompt].compactMap(\.self)).joined(separator: "\n\n")
        let context = ReplyContext(isCutOff: reply.choices.first?.finish == .length, prompt: prompt)
        let screening = try await orFail { try await PoolScreener(pool: pool).screen(text, name: nil, reply: context) }
        await pool.close()
        if formatOption.format == .json {
            try printJSON(Outcome(step: name, request: request, reply: reply, screening: screening))
        } else {
            print(reply.text)
            log(LossCheck.describe(screening.name ?? name, screening))
            log(spent(reply))
        }
        if !screening.accepted { throw ExitCode.nothingQualified }
    }

    private func show(
        _ reply: ChatReply, _ reading: Result<[(key: String, value: String)], ReplyProblem>, _ request: ChatRequest
    ) throws {
        var problem: ReplyProblem?
        if case .failure(let found) = reading { problem = found }
        let read = try? reading.get()
        if formatOption.format == .json {
            let fields = read.map { Dictionary($0.map { ($0.key, $0.value) }) { "\($0)\n\($1)" } }
            try printJSON(
                Outcome(step: name, request: request, reply: reply, reading: fields, problem: problem?.message))
        } else {
            for (key, value) in read ?? [] { print(value.contains("\n") ? "\(key):\n\(value)" : "\(key): \(value)") }
            if problem != nil { print(reply.text) }
            log(spent(reply))
        }
        if let problem {
            log("losslab: \(problem.message)")
            throw ExitCode.nothingQualified
        }
    }

    private func spent(_ reply: ChatReply) -> String {
        let cost = reply.cost.map { ", \(decimal($0, 5)) US dollars" } ?? ""
        return "\(reply.usage.promptTokens) tokens sent, \(reply.usage.completionTokens) received\(cost)"
    }
}
