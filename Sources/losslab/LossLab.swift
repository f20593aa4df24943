import ArgumentParser
import Foundation
import Logging

@main
struct Program {
    static func main() async {
        LoggingSystem.bootstrap(PrintableLogHandler.init)
        do {
            var command = try LossLabCommand.parseAsRoot(
                OldSpellings.modernised(Array(CommandLine.arguments.dropFirst())))
            if var waiting = command as? any AsyncParsableCommand {
                try await waiting.run()
            } else {
                try command.run()
            }
        } catch let error as CocoaError {
            log("losslab: \(plain(error))")
            Foundation.exit(ExitCode.failure.rawValue)
        } catch {
            // As ArgumentParser ends a program, but through our own printer: names of files and options are foreign text.
            let code = LossLabCommand.exitCode(for: error)
            let message = LossLabCommand.fullMessage(for: error)
            if !message.isEmpty { code.isSuccess ? print(message) : log(message) }
            Foundation.exit(code.rawValue)
        }
    }
}

struct LossLabCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "losslab",
        abstract: "Discover and confirm preference-optimisation losses.",
        version: "0.1.0",
        subcommands: [
            CampaignCommand.self, ProposerCommand.self, ArchiveCommand.self, LossCommand.self, DataCommand.self,
            EvaluationCommand.self, JudgeCommand.self, ModelCommand.self, SystemCommand.self,
        ])
}

struct LossCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "loss",
        abstract: "List, check, evaluate, plot, import, export losses; rerun and compare them on other data.",
        subcommands: [
            LossList.self, LossShow.self, LossCheck.self, LossEvaluate.self, LossPlot.self, LossImport.self,
            LossExport.self, LossRerun.self, LossCompare.self,
        ])
}

struct EvaluationCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluation", abstract: "The worlds, question sets and suites on which losses are scored.",
        subcommands: [EvaluationList.self, EvaluationFetch.self])
}

struct SystemCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "system", abstract: "What this machine offers and what it lacks.",
        subcommands: [
            SystemCheck.self, SystemEstimate.self, SystemBench.self, SystemErrorRates.self, SystemChatServer.self,
            SystemChatBench.self,
        ])
}
