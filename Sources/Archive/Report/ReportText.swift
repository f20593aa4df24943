import Foundation
import LabCore

/// Numbers and tables as Markdown.
enum ReportText {
    static func number(_ value: Double?, decimals: Int = 3) -> String {
        guard let value, value.isFinite else { return "-" }
        return String(format: "%.\(decimals)f", value)
    }

    static func signed(_ value: Double, decimals: Int = 3) -> String { String(format: "%+.\(decimals)f", value) }

    /// `6.123 +- 0.045`, or the mean alone where one observation gives no error.
    static func score(_ estimate: Estimate?) -> String {
        guard let estimate else { return "-" }
        return number(estimate.mean) + (estimate.standardError.map { " ± " + number($0) } ?? "")
    }

    /// `+0.123 [-0.010, +0.256]`: a difference with its 95 % interval.
    static func difference(_ estimate: Estimate?) -> String {
        guard let estimate else { return "-" }
        guard let interval = estimate.interval() else { return signed(estimate.mean) }
        return "\(signed(estimate.mean)) [\(signed(interval.lowerBound)), \(signed(interval.upperBound))]"
    }

    static func pValue(_ value: Double) -> String { value < 0.0001 ? "< 0.0001" : number(value, decimals: 4) }

    /// The shortest decimals that read back to the value, such as `0.0005`.
    static func setting(_ value: Double) -> String {
        let text = "\(value)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    static func seconds(_ value: Double) -> String {
        switch value {
        case ..<90: "\(number(value, decimals: 1)) s"
        case ..<5_400: "\(number(value / 60, decimals: 1)) min"
        default: "\(number(value / 3_600, decimals: 1)) h"
        }
    }

    /// A table whose columns are padded, so that it reads well as plain text too.
    static func table(_ header: [String], _ rows: [[String]]) -> String {
        let cells = ([header] + rows).map { $0.map { $0.replacing("|", with: "\\|") } }
        let widths = header.indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
        func line(_ row: [String]) -> String {
            let padded = row.enumerated().map { column, cell in
                cell + String(repeating: " ", count: widths[column] - cell.count)
            }
            return "| " + padded.joined(separator: " | ") + " |"
        }
        let rule = "|" + widths.map { String(repeating: "-", count: $0 + 2) }.joined(separator: "|") + "|"
        return ([line(cells[0]), rule] + cells.dropFirst().map(line)).joined(separator: "\n")
    }

    static func plural(_ count: Int, _ one: String, _ many: String) -> String { "\(count) \(count == 1 ? one : many)" }
}
