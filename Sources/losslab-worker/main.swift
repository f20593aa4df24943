import CLockdown
import Glibc

do {
    let options = try Options(Array(CommandLine.arguments.dropFirst()))
    switch options.role {
    case .trainer: exit(runTrainer(options))
    case .lossZygote: exit(runLossZygote(options))
    case .system: exit(SystemReport.print(for: options))
    }
} catch {
    complain("losslab-worker: \(error)\n")
    exit(64)
}
