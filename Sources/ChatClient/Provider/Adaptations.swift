import Synchronization

/// What was found out about models: which form of a request they take. The first refusal teaches it, later calls know.
///
/// One for each server in the process, so that what a check before the work learns is known when the work begins.
final class Adaptations: Sendable {
    enum Adaptation: Hashable, CaseIterable {
        /// `max_completion_tokens` instead of `max_tokens`.
        case maxCompletionTokens
        /// `max_tokens`, although the model's name looks as if it wanted the newer one.
        case maxTokens
        /// No request for the usage at a stream's end.
        case noStreamOptions
        /// Any JSON object, and the schema in words.
        case noSchema
        /// No `response_format`: the prompt alone asks for JSON.
        case noResponseFormat
        case noTemperature
        /// 0.01 instead of 0.
        case positiveTemperature
        case noSeed
        /// The reply is cut at the stop texts here.
        case noStop
        case noReasoningEffort
        /// Several replies take several requests.
        case oneReply
        /// What the system says stands before the first user's message, and roles take turns.
        case plainTurns

        /// What is learnt, to be read after the model's name.
        var lesson: String {
            switch self {
            case .maxCompletionTokens: "wants max_completion_tokens instead of max_tokens"
            case .maxTokens: "wants max_tokens instead of max_completion_tokens"
            case .noStreamOptions: "takes no stream_options; it is asked without"
            case .noSchema: "takes no json_schema; it is asked for any JSON object, with the schema in words"
            case .noResponseFormat: "takes no response_format; the prompt alone asks for JSON"
            case .noTemperature: "takes no such temperature; it is asked without one (`temperature: none` says so)"
            case .positiveTemperature: "takes no temperature of 0; it is asked with 0.01"
            case .noSeed: "takes no seed; it is asked without, so its replies cannot be repeated"
            case .noStop: "takes no such stop texts; its replies are cut here"
            case .noReasoningEffort: "takes no reasoning_effort; it is asked without"
            case .oneReply: "gives one reply to a request; several are asked for one by one"
            case .plainTurns: "takes no system message; its text stands before the first user's message"
            }
        }
    }

    private struct Key: Hashable {
        let model: String
        let adaptation: Adaptation
    }

    private struct Limit: Hashable {
        let model: String
        let maxTokens: Int
    }

    private struct Known {
        var adaptations: Set<Key> = []
        /// Whether a limit is raised; `false` where that could not be done.
        var raised: [Limit: Bool] = [:]
        var said: Set<String> = []
    }

    private let known = Mutex(Known())

    private static let servers = Mutex<[String: Adaptations]>([:])

    /// What is known about the models of a server.
    static func of(server url: String) -> Adaptations {
        servers.withLock { servers in
            if let known = servers[url] { return known }
            let new = Adaptations()
            servers[url] = new
            return new
        }
    }

    // A Regex never changes; it is only not marked as Sendable.
    /// Names of models that take `max_completion_tokens` only.
    private nonisolated(unsafe) static let reasoning = /(?:.*\/)?(?:o[1-9]|gpt-[5-9])(?:[-.].*)?/

    /// - Returns: whether it is new.
    @discardableResult
    func add(_ adaptation: Adaptation, for model: String) -> Bool {
        known.withLock { $0.adaptations.insert(Key(model: model, adaptation: adaptation)).inserted }
    }

    /// Takes back what did not help.
    func forget(_ adaptations: [Adaptation], for model: String) {
        known.withLock { known in
            for adaptation in adaptations { known.adaptations.remove(Key(model: model, adaptation: adaptation)) }
        }
    }

    func options(for model: String) -> BodyOptions {
        let known = known.withLock { $0.adaptations }
        var adaptations = Set(Adaptation.allCases.filter { known.contains(Key(model: model, adaptation: $0)) })
        if model.wholeMatch(of: Self.reasoning) != nil { adaptations.insert(.maxCompletionTokens) }
        return BodyOptions(adaptations: adaptations)
    }

    // MARK: Limits that thoughts used up

    /// The limit to send for one that is asked for: twice as many where the model's thoughts used it up before.
    func limit(_ maxTokens: Int, for model: String) -> Int {
        known.withLock { $0.raised[Limit(model: model, maxTokens: maxTokens)] == true } ? maxTokens.times(2) : maxTokens
    }

    /// - Returns: `false` where that was of no use before.
    func raise(_ maxTokens: Int, for model: String) -> Bool {
        known.withLock { known in
            let limit = Limit(model: model, maxTokens: maxTokens)
            if known.raised[limit] == nil { known.raised[limit] = true }
            return known.raised[limit] == true
        }
    }

    /// Takes a raise back for good.
    func keepLimit(_ maxTokens: Int, for model: String) {
        known.withLock { $0.raised[Limit(model: model, maxTokens: maxTokens)] = false }
    }

    /// Whether this is said for the first time.
    func isNew(_ note: String, about model: String) -> Bool {
        known.withLock { $0.said.insert("\(model)\u{0}\(note)").inserted }
    }
}
