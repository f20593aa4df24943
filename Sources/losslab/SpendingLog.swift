import ChatClient
import Foundation
import Synchronization

/// What a campaign's model calls cost, a line a request in `spending.jsonl`; what a resumed campaign begins with.
///
/// A request in flight when the process is killed has no line: at most that much can a budget be passed by a kill.
final class SpendingLog: Sendable {
    /// One line: who asked which model, and what that came to.
    private struct Line: Codable {
        let row: ChatTotals.Row
        let outcome: String
        let endpoint: String
        let seconds: Double
    }

    private let path: String
    private let state: Mutex<State>

    private struct State {
        var possibleTokens: Int
        var ledger: ChatLedger?
    }

    /// - Throws: when the file cannot be written.
    init(_ runDirectory: String) throws {
        path = runDirectory + "/spending.jsonl"
        if !FileManager.default.fileExists(atPath: path), !FileManager.default.createFile(atPath: path, contents: nil) {
            throw CocoaError(.fileWriteUnknown, userInfo: [NSFilePathErrorKey: path])
        }
        state = Mutex(State(possibleTokens: Self.totals(of: runDirectory).total.possibleTokens))
    }

    /// A ledger that goes on from what was spent and writes down what comes.
    func ledger(budget: ChatBudget) -> ChatLedger {
        let ledger = ChatLedger(
            budget: budget, earlier: Self.totals(at: path), onCall: { [weak self] call in self?.append(call) })
        state.withLock { $0.ledger = ledger }
        return ledger
    }

    private func append(_ call: ChatCall) {
        state.withLock { state in
            var spending = ChatSpending()
            switch call.outcome {
            case "replayed": spending.replayed = 1
            case "unanswered":
                // The ledger alone knows how many tokens it set aside.
                let possible = state.ledger?.totals.total.possibleTokens ?? state.possibleTokens
                spending.calls = 1
                spending.unanswered = 1
                spending.possibleCost = call.cost ?? 0
                spending.possibleTokens = max(0, possible - state.possibleTokens)
                state.possibleTokens = max(possible, state.possibleTokens)
            default:
                spending.calls = 1
                spending.promptTokens = call.usage?.promptTokens ?? 0
                spending.completionTokens = call.usage?.completionTokens ?? 0
                spending.cachedTokens = call.usage?.cachedTokens ?? 0
                spending.estimated = call.usage?.estimated == true ? 1 : 0
                spending.cost = call.cost ?? 0
                spending.unpriced = call.cost == nil ? 1 : 0
            }
            let line = Line(
                row: ChatTotals.Row(purpose: call.purpose, model: call.model, spending: spending),
                outcome: call.outcome, endpoint: call.endpoint, seconds: call.seconds)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            guard let data = try? encoder.encode(line), let handle = FileHandle(forWritingAtPath: path) else { return }
            defer { try? handle.close() }
            _ = try? handle.seekToEnd()
            try? handle.write(contentsOf: data + Data("\n".utf8))
        }
    }

    /// Whether a campaign has calls on record.
    static func exists(in runDirectory: String) -> Bool {
        let attributes = try? FileManager.default.attributesOfItem(atPath: runDirectory + "/spending.jsonl")
        return (attributes?[.size] as? NSNumber)?.intValue ?? 0 > 0
    }

    static func totals(of runDirectory: String) -> ChatTotals { totals(at: runDirectory + "/spending.jsonl") }

    private static func totals(at path: String) -> ChatTotals {
        let data = FileManager.default.contents(atPath: path) ?? Data()
        let lines = data.split(separator: UInt8(ascii: "\n")).compactMap {
            try? JSONDecoder().decode(Line.self, from: $0)
        }
        return ChatTotals(rows: lines.map(\.row))
    }
}
