import ArgumentParser
import Foundation

/// How lists and shows are printed.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case table
    case json
}

struct FormatOption: ParsableArguments {
    @Option(name: .long, help: "Output format.")
    var format: OutputFormat = .table
}

/// A table for a terminal: columns as wide as their longest cell, numbers to the right.
struct TextTable {
    let columns: [String]
    var rows: [[String]] = []

    init(_ columns: [String]) { self.columns = columns }

    mutating func add(_ cells: [String]) { rows.append(cells) }

    var text: String {
        let widths = columns.indices.map { column in
            ([columns] + rows).map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        let numeric = columns.indices.map { column in
            !rows.isEmpty && rows.allSatisfy { column >= $0.count || Self.looksNumeric($0[column]) }
        }
        func line(_ cells: [String]) -> String {
            let padded = columns.indices.map { column -> String in
                let cell = column < cells.count ? cells[column] : ""
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                return numeric[column] ? padding + cell : cell + padding
            }
            return padded.joined(separator: "  ").replacing(/\s+$/, with: "")
        }
        let rule = widths.map { String(repeating: "-", count: $0) }
        return ([line(columns), line(rule)] + rows.map(line)).joined(separator: "\n")
    }

    private static func looksNumeric(_ cell: String) -> Bool {
        guard let first = cell.first else { return true }
        return first.isNumber || "+-.±".contains(first) || cell == "—"
    }
}

/// Prints one value as pretty JSON on standard output.
func printJSON(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
        positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    print(String(decoding: try encoder.encode(value), as: UTF8.self))
}

/// `6.123` with the given number of decimals.
func decimal(_ value: Double, _ places: Int = 3) -> String {
    String(format: "%.\(places)f", locale: Locale(identifier: "en_US_POSIX"), value)
}

/// `5e-4` for small numbers, as learning rates are written.
func compact(_ value: Double) -> String {
    String(format: "%g", locale: Locale(identifier: "en_US_POSIX"), value)
}
