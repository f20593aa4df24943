import ArgumentParser

/// `losslab judge`: grading answers with a language model.
struct JudgeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "judge", abstract: "Grade answers with a language model, and say how much the grades can tell.",
        subcommands: [JudgeRun.self, JudgePairwise.self, JudgeCompare.self, JudgeCalibrate.self])
}
