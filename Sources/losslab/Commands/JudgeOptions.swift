import ArgumentParser
import ChatClient
import Foundation
import Judge
import LabCore

/// A server's protocol on the command line.
enum JudgeProvider: String, ExpressibleByArgument, CaseIterable {
    case openai, anthropic

    var provider: ChatEndpoint.Provider { self == .openai ? .openai : .anthropic }
}

/// Which model judges and where it is; the same for a remote service and for a server on this machine.
struct JudgeModelOptions: ParsableArguments {
    @Option(help: "The judging model, as its server names it.")
    var judge: String

    @OptionGroup var server: JudgeServerOptions

    func client(_ project: ProjectOption) throws -> ChatClient { try server.client(for: judge, project) }

    func settings(suiteTokens: Int? = nil, step: String = "judge") -> JudgeSettings {
        server.settings(of: judge, suiteTokens: suiteTokens, step: step)
    }

    /// Says that a cost is not known, once, when it is not.
    func remark(cost: Double?) {
        if cost == nil { log("The cost is not known; add a price for \(judge) to evaluation/prices.yaml.") }
    }
}

/// Where a judging model is, how it is asked and what it may cost.
struct JudgeServerOptions: ParsableArguments {
    @Option(
        name: .customLong("base-url"), help: "The server, such as http://localhost:11434/v1. Default: the provider's.")
    var baseURL: String?

    @Option(help: "The server's protocol.")
    var provider: JudgeProvider = .openai

    @Option(help: "Environment variable with the key. Default: the provider's usual one, none for other servers.")
    var keyEnv: String?

    @Option(help: "File with the key, readable by you alone.", completion: .file())
    var keyFile: String?

    @Option(help: "Requests in flight.")
    var concurrency = 8

    @Option(help: "Requests after the first one, for one judgment.")
    var retries = 5

    @OptionGroup var wait: WaitOptions

    @Option(help: "Most tokens in a judgment. Default: the suite's, 2048 for OpenAI's protocol, 1024 for Anthropic's.")
    var maxTokens: Int?

    @Option(help: "The judge's context in tokens: longer requests are cut before they are sent.")
    var context: Int?

    @Flag(help: "Send no temperature, for models that refuse one.")
    var noTemperature = false

    @Option(
        help:
            "Prices: a YAML file of lines like `gpt-4o*: {prompt: 2.5, completion: 10}`. Default: evaluation/prices.yaml.",
        completion: .file())
    var prices: String?

    @Option(help: "Stop before this many US dollars are spent.")
    var budget: Double?

    @Option(help: "Folder of replies to requests sent before, which are not sent again.", completion: .directory)
    var cache: String?

    func validate() throws {
        guard concurrency >= 1 else { throw ValidationError("--concurrency must be 1 or more") }
        guard retries >= 0 else { throw ValidationError("--retries must be 0 or more") }
        guard maxTokens.map({ $0 >= 1 }) ?? true else { throw ValidationError("--max-tokens must be 1 or more") }
        guard budget.map({ $0 > 0 }) ?? true else { throw ValidationError("--budget must be above 0") }
    }

    /// - Parameter project: whose price file counts where --prices names none.
    func client(for judge: String, _ project: ProjectOption) throws -> ChatClient {
        let endpoint = ChatEndpoint(
            provider: provider.provider, baseURL: baseURL, keyEnvironment: keyEnv, keyFile: keyFile,
            concurrency: concurrency, timeouts: wait.timeouts.over(), retries: retries, contextTokens: context)
        let table =
            try prices.map { try PriceTable(contentsOf: $0) } ?? (try? project.resolve())?.prices() ?? PriceTable()
        guard budget == nil || table.price(of: judge) != nil else {
            throw ChatError(
                .configuration,
                "--budget needs a price for \(judge); add it to \(table.source ?? "evaluation/prices.yaml")")
        }
        return try ChatClient(
            endpoint: endpoint, prices: table, ledger: ChatLedger(budget: ChatBudget(usd: budget)), cassette: nil,
            cache: cache.map { try ResponseCache($0) }, notes: { log("losslab: \($0)") })
    }

    func settings(of judge: String, suiteTokens: Int? = nil, step: String) -> JudgeSettings {
        JudgeSettings(
            model: judge, temperature: noTemperature ? nil : 0,
            maxTokens: maxTokens ?? suiteTokens ?? (provider == .anthropic ? 1024 : 2048), contextTokens: context,
            concurrency: concurrency, purpose: ChatPurpose(step: step))
    }
}

/// Which suite: a name under evaluation/ or a folder.
struct SuiteOption: ParsableArguments {
    @Option(help: "The suite: a name under evaluation/, such as mt_bench, or a folder.", completion: .directory)
    var suite: String

    @Option(help: "Read the suite's files from this folder instead.", completion: .directory)
    var from: String?

    @OptionGroup var projectOption: ProjectOption

    func folder() throws -> String {
        if let from { return from }
        if suite.contains("/") { return suite }
        return try projectOption.resolve().suite(named: suite)
    }
}

/// Runs a judging command's work: what is wrong with the input ends with 65, what went wrong on the way with 1.
func judging<Value>(_ body: () async throws -> Value) async throws -> Value {
    do {
        return try await body()
    } catch let error as JudgeError where error.code != .noJudgment {
        log("losslab: \(plain(error))")
        throw ExitCode.badInput
    } catch let error as NameError {
        log("losslab: \(plain(error))")
        throw ExitCode.badInput
    } catch let error as ChatError where error.kind == .configuration {
        log("losslab: \(plain(error))")
        throw ExitCode.badInput
    } catch let code as ExitCode {
        throw code
    } catch let error as ValidationError {
        throw error
    } catch {
        log("losslab: \(plain(error))")
        throw ExitCode.failure
    }
}

/// A counter on standard error, for people only.
func judgingProgress(_ what: String) -> @Sendable (Int, Int) -> Void {
    let isTerminal = isatty(2) == 1
    return { done, total in
        guard isTerminal else { return }
        let end = done == total ? "\n" : ""
        FileHandle.standardError.write(Data("\r\(done)/\(total) \(what.printable)\(end)".utf8))
    }
}

/// `0.12`, or a dash.
func cell(_ value: Double?, _ places: Int = 2) -> String { value.map { decimal($0, places) } ?? "—" }
