import Archive
import ArgumentParser
import ChatClient
import Foundation
import LabCore
import Proposer
import Trainer

struct ProposerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "proposer", abstract: "The program by which a language model writes losses.",
        subcommands: [ProposerStepCommand.self])
}

/// `losslab proposer step NAME`: one step alone, on a campaign's losses or on a state from a file.
struct ProposerStepCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "step", abstract: "Run one step of the program alone, or print its prompt.",
        discussion: "Steps: \(ProgramStep.alone.map(\.name).joined(separator: ", ")).")

    @Argument(help: "Name of the step.")
    var name: String

    @Flag(help: "Print the prompt and ask no one.")
    var dryRun = false

    @Option(help: "Take model, prompts and losses from this campaign.")
    var campaign: String?

    @Option(help: "The candidate that critique and repair look at, by its number in the campaign.")
    var candidate: Int?

    @Option(help: "JSON file with the state that the step reads: {\"hypothesis\": \"...\"}.", completion: .file())
    var state: String?

    @Option(help: "One piece of the state, such as hypothesis=\"...\"; over campaign and file.")
    var set: [String] = []

    @Option(help: "Model, as the endpoint names it. Default: the campaign's.")
    var model: String?

    @Option(help: "Dialect of the endpoint: openai or anthropic.")
    var provider: String = "openai"

    @Option(help: "Base URL of the endpoint, such as http://localhost:11434/v1.")
    var baseUrl: String?

    @Option(help: "Environment variable that holds the key.")
    var keyEnvironment: String?

    @Option(help: "Folder of prompt files over the built-in ones.")
    var prompts: String?

    @Flag(help: "Run generated code even where the kernel lacks Landlock or seccomp.")
    var allowUnsandboxed = false

    @OptionGroup var projectOption: ProjectOption
    @OptionGroup var formatOption: FormatOption

    /// What is printed as JSON.
    private struct Outcome: Encodable {
        let step: String
        let messages: [ChatMessage]
        let reply: ChatReply?
        let reading: [String: String]?
        let problem: String?
    }

    func validate() throws {
        guard EndpointConfig.providers.contains(provider) else {
            throw ValidationError("--provider is openai or anthropic, not \(provider)")
        }
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
        guard !dryRun else { return try show(request.messages) }
        guard !config.model.isEmpty else {
            log("losslab: name a --model (and its --base-url), or a --campaign that has one; --dry-run needs neither")
            throw ExitCode.badInput
        }
        let reply = try await orFail {
            let client = try ChatClient(endpoint: config.endpoint.chatEndpoint(), prices: try project.prices())
            return try await client.complete(request, for: ChatPurpose(step: name))
        }
        let pool = WorkerPool(size: 1, configuration: project.workerConfiguration(allowUnsandboxed: allowUnsandboxed))
        let reading = try await orFail {
            try await alone.reading(of: reply, to: request, screener: PoolScreener(pool: pool, controls: []))
        }
        await pool.close()
        try show(reply, reading, request.messages)
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
        if let model {
            config.model = model
            config.endpoint = EndpointConfig(provider: provider, baseURL: baseUrl, keyEnvironment: keyEnvironment)
        }
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

    private func show(_ messages: [ChatMessage]) throws {
        if formatOption.format == .json {
            return try printJSON(Outcome(step: name, messages: messages, reply: nil, reading: nil, problem: nil))
        }
        for message in messages { print("=== \(message.role.rawValue) ===\n\(message.content)\n") }
    }

    private func show(
        _ reply: ChatReply, _ reading: Result<[(key: String, value: String)], ReplyProblem>, _ messages: [ChatMessage]
    ) throws {
        var problem: ReplyProblem?
        if case .failure(let found) = reading { problem = found }
        let read = try? reading.get()
        if formatOption.format == .json {
            let fields = read.map { Dictionary($0.map { ($0.key, $0.value) }) { "\($0)\n\($1)" } }
            try printJSON(
                Outcome(step: name, messages: messages, reply: reply, reading: fields, problem: problem?.message))
        } else {
            for (key, value) in read ?? [] { print(value.contains("\n") ? "\(key):\n\(value)" : "\(key): \(value)") }
            if problem != nil { print(reply.text) }
            let cost = reply.cost.map { ", \(decimal($0, 5)) US dollars" } ?? ""
            log("\(reply.usage.promptTokens) tokens sent, \(reply.usage.completionTokens) received\(cost)")
        }
        if let problem {
            log("losslab: \(problem.message)")
            throw ExitCode.nothingQualified
        }
    }
}
