public import ChatClient
public import LabCore

extension ModelCaller {
    /// One request of each shape that a campaign's steps send, to see before anything expensive whether a server takes them.
    public static func shapes(_ config: ProposingModelConfig, strategy: String) -> [ChatRequest] {
        steps(of: config, strategy: strategy).map { step in
            let question: Question =
                step.answer == .completion
                ? .completion("# A loss\ndef loss", stop: CompletionProposer.stops)
                : .messages([ChatMessage(.system, "You write losses."), ChatMessage(.user, "Write one.")])
            return request(question, step, config, seed: seed(1, config))
        }
    }

    private static func steps(of config: ProposingModelConfig, strategy: String) -> [ProgramStep] {
        if strategy == "discopop" { return [.discopop] }
        if config.form == .completion { return [.complete] }
        return (config.analyse ? [.analyse] : []) + [.write, .repair] + (config.critique ? [.critique] : [])
    }
}
