import Foundation

/// All processes of this machine at one moment, by /proc.
struct Processes {
    private let parents: [Int32: Int32]

    init() {
        var parents: [Int32: Int32] = [:]
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let process = Int32(name), let state = Self.state(of: process), state.letter != "Z" else { continue }
            parents[process] = state.parent
        }
        self.parents = parents
    }

    /// What a process has started, and what that has.
    func descendants(of process: Int32) -> Set<Int32> {
        var found: Set<Int32> = [process]
        while true {
            let more = parents.filter { found.contains($0.value) }.map(\.key)
            guard !found.isSuperset(of: more) else { return found.subtracting([process]) }
            found.formUnion(more)
        }
    }

    /// Those that work in a folder, whoever started them.
    func working(in folder: String) -> Set<Int32> {
        Set(parents.keys.filter { Self.link("/proc/\($0)/cwd") == folder })
    }

    static func isAlive(_ process: Int32) -> Bool { state(of: process).map { $0.letter != "Z" } ?? false }

    /// Whether a process has a file open, or mapped, whose path ends so.
    static func uses(_ process: Int32, fileEnding end: String) -> Bool {
        let maps = (try? String(contentsOfFile: "/proc/\(process)/maps", encoding: .utf8)) ?? ""
        if maps.contains("\(end)\n") { return true }
        let open = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd")) ?? []
        return open.contains { Self.link("/proc/\(process)/fd/\($0)")?.hasSuffix(end) == true }
    }

    private static func link(_ path: String) -> String? {
        try? FileManager.default.destinationOfSymbolicLink(atPath: path)
    }

    /// State and parent; nil of a process that has gone.
    private static func state(of process: Int32) -> (letter: String, parent: Int32)? {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let end = text.lastIndex(of: ")")
        else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 1, let parent = Int32(fields[1]) else { return nil }
        return (String(fields[0]), parent)
    }
}
