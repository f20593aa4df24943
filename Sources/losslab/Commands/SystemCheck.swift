import ArgumentParser
import Foundation

/// `losslab system check`: what is present, what is missing and how to get it.
struct SystemCheck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Say in plain words what is present, what is missing and how to get it.")

    @OptionGroup var projectOption: ProjectOption
    @OptionGroup var formatOption: FormatOption

    func run() async throws {
        let findings = SystemFindings.gather(for: try projectOption.resolve())
        switch formatOption.format {
        case .json:
            try printJSON(findings)
        case .table:
            var table = TextTable(["part", "state", "found", "how to get it"])
            for finding in findings {
                table.add([
                    finding.part, finding.present ? "ok" : finding.required ? "MISSING" : "absent",
                    finding.found, finding.present ? "" : finding.remedy,
                ])
            }
            print(table.text)
        }
        if findings.contains(where: { $0.required && !$0.present }) { throw ExitCode.failure }
    }
}

/// One part of the machine that LossLab uses.
struct SystemFinding: Codable {
    let part: String
    let present: Bool
    let required: Bool
    let found: String
    let remedy: String
}
