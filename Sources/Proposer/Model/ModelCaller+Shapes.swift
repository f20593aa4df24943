public import ChatClient
public import LabCore

extension ModelCaller {
    /// One request of each shape that a campaign's steps send, to see before anything expensive whether a server takes them.
    public static func shapes(_ config: ProposingModelConfig, strategy: String) -> [ChatRequest] {
        let program = [ProgramStep.analyse, .write, .repair] + (config.critique ? [.critique] : [])
        return (strategy == "discopop" ? [.discopop] : program).map { step in
            request(
                Call(
                    candidate: 0, step: step.name, number: 1,
                    messages: [ChatMessage(.system, "You write losses."), ChatMessage(.user, "Write one.")],
                    temperature: step.temperature(within: config), wantsJSON: step.wantsJSON, seed: 1), config)
        }
    }
}
