import Foundation
import Synchronization

/// Remembers which candidate's replies were being read when a process died, so that one reply cannot end every resumption.
///
/// A reply is stored before it is read, and a reader that brings the process down would do so again each time. So before
/// a reply is read a line is written, and another when that is over; a candidate at whose reading the process died twice
/// is given up. Those at whose reading it died once take turns, so that no other is suspected beside them.
public final class ReadingWatch: Sendable {
    /// Deaths after which a candidate's replies are not read any more: a process may be killed at any moment, too.
    public static let mostDeaths = 2

    private struct State {
        var deaths: [Int: Int] = [:]
        var open: Set<Int> = []
    }

    public let path: String
    private let lines: LineFile
    private let state: Mutex<State>

    /// Opens the file, making it and its folder, and counts what an earlier process left open as its death.
    public init(_ path: String) throws {
        self.path = path
        var state = State()
        for line in try LineFile.lines(path) {
            let words = String(decoding: line, as: UTF8.self).split(separator: " ")
            switch (words.first, words.last.flatMap { Int($0) }) {
            case ("begin", let candidate?): state.open.insert(candidate)
            case ("end", let candidate?): state.open.remove(candidate)
            default: Self.count(&state)
            }
        }
        Self.count(&state)
        lines = try LineFile(path)
        self.state = Mutex(state)
        try lines.append(Array("process".utf8))
    }

    private static func count(_ state: inout State) {
        for candidate in state.open { state.deaths[candidate, default: 0] += 1 }
        state.open = []
    }

    /// How often a process died while a reply for this candidate was being read.
    public func deaths(of candidate: Int) -> Int { state.withLock { $0.deaths[candidate] ?? 0 } }

    /// Before a reply is read.
    public func begin(_ candidate: Int) throws {
        try state.withLock { state in
            if state.open.insert(candidate).inserted { try lines.append(Array("begin \(candidate)".utf8)) }
        }
    }

    /// Once the process asks for more, or is done with the candidate.
    public func end(_ candidate: Int) throws {
        try state.withLock { state in
            if state.open.remove(candidate) != nil { try lines.append(Array("end \(candidate)".utf8)) }
        }
    }
}
