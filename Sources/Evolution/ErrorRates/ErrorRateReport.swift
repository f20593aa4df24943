public import LabCore

/// What the simulation measured, one row a scenario. Shares are means of zeros and ones, with their standard errors.
public struct ErrorRateReport: Codable, Sendable, Equatable {
    /// Campaigns of each scenario.
    public let campaigns: Int
    public let seed: UInt64
    public let level: Double
    public let candidates: Int
    public let settings: Int
    public let confirmationSeeds: Int
    public let heldOutQuestions: Int
    public let noise: NoiseModel
    public let rows: [ErrorRateRow]

    public func row(_ scenario: ErrorRateScenario) -> ErrorRateRow? { rows.first { $0.scenario == scenario } }
}

/// One scenario's figures.
public struct ErrorRateRow: Codable, Sendable, Equatable {
    public let scenario: ErrorRateScenario
    public let title: String
    /// Shares of campaigns by their verdict; together one.
    public let discovery: Double
    public let beatsDPOOnly: Double
    public let noDiscovery: Double
    /// Campaigns that end in `discovery` with a winner that is not truly better than the best catalogue loss.
    public let falseDiscovery: Estimate?
    /// Campaigns that name a winner which is not truly better than DPO.
    public let falseClaimOverDPO: Estimate?
    /// Campaigns that end in `discovery` with the truly better loss; `nil` where there is none.
    public let power: Estimate?
    /// Share of 95 % intervals of confirmed differences that hold the true one; intervals of one campaign are not
    /// independent, so the standard error is somewhat too small.
    public let coverageOfDifferences: Estimate?
    public let coverageOfScores: Estimate?
    /// The same for the finalists' scores *in the search*, which selection has spoilt.
    public let coverageOfSearchScores: Estimate?
    /// The best finalist's lead over DPO in the search, less the confirmed one.
    public let shrinkage: Estimate?
    /// The published protocol: campaigns in which the best of N scores above DPO.
    public let publishedClaim: Estimate?
    /// Those of them whose winner, tuned, is not truly better than DPO, tuned.
    public let publishedFalseClaim: Estimate?
    /// The lead over DPO that it would report, and the true one.
    public let publishedLead: Estimate?
    public let publishedTrueLead: Estimate?
}

extension ErrorRateReport {
    /// Two plain tables for a terminal or a README: this lab's protocol, and the published one on the same losses.
    public var text: String {
        let own = rows.map { row in
            [
                row.title, percent(row.discovery), percent(row.beatsDPOOnly), percent(row.noDiscovery),
                percent(row.falseDiscovery), percent(row.power), percent(row.coverageOfDifferences),
                points(row.shrinkage),
            ]
        }
        let published = rows.map { row in
            [
                row.title, percent(row.publishedClaim), percent(row.publishedFalseClaim), points(row.publishedLead),
                points(row.publishedTrueLead),
            ]
        }
        let setup =
            "\(campaigns) campaigns a row, \(candidates) candidates, \(settings) settings, \(confirmationSeeds) "
            + "confirmation seeds, \(heldOutQuestions) held-out questions, level \(level), seed \(seed); +- one standard error"
        let first = [
            "what is true", "discovery", "beats DPO only", "no discovery", "false discovery", "power",
            "95 % intervals hold",
            "shrinkage",
        ]
        let second = ["published protocol", "claims a gain", "falsely", "reported lead over DPO", "true lead"]
        return setup + "\n\n" + table([first] + own) + "\n" + table([second] + published)
    }

    /// Columns as wide as they need to be, the first to the left and the rest to the right.
    private func table(_ lines: [[String]]) -> String {
        let widths = lines[0].indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        return lines.map { cells in
            zip(cells, widths).enumerated().map { column, cell in
                let padding = String(repeating: " ", count: cell.1 - cell.0.count)
                return column == 0 ? cell.0 + padding : padding + cell.0
            }.joined(separator: "  ") + "\n"
        }.joined()
    }

    private func percent(_ share: Double) -> String { fixed(100 * share, decimals: 1) + " %" }

    private func percent(_ share: Estimate?) -> String {
        guard let share else { return "-" }
        let error = share.standardError.map { "+-" + fixed(100 * $0, decimals: 1) } ?? ""
        return fixed(100 * share.mean, decimals: 1) + error + " %"
    }

    private func points(_ value: Estimate?) -> String {
        guard let value else { return "-" }
        return fixed(value.mean, decimals: 3) + (value.standardError.map { "+-" + fixed($0, decimals: 3) } ?? "")
    }
}
