import LabCore
import Synchronization

/// The trials of one candidate, one `TrialRecord` a line; of several lines for one trial the last counts.
final class TrialFile: Sendable {
    private let file: LineFile
    /// The line last written for each trial, by slug.
    private let known: Mutex<[String: [UInt8]]>

    init(_ path: String) throws {
        file = try LineFile(path)
        known = Mutex(try Self.linesBySlug(path).mapValues { Array($0.utf8) })
    }

    /// Appends the trial unless it is there already.
    func keep(_ line: [UInt8], slug: String) throws {
        try known.withLock { known in
            guard known[slug] != line else { return }
            try file.append(line)
            known[slug] = line
        }
    }

    /// Every trial's line by its slug.
    static func linesBySlug(_ path: String) throws -> [String: String] {
        var lines: [String: String] = [:]
        for line in try LineFile.lines(path) where !line.isEmpty {
            lines[try record(line, in: path).spec.slug] = String(decoding: line, as: UTF8.self)
        }
        return lines
    }

    /// All trials, in the order of their slugs.
    static func records(_ path: String) throws -> [TrialRecord] {
        try linesBySlug(path).sorted { $0.key < $1.key }.map { try record(Array($0.value.utf8), in: path) }
    }

    private static func record(_ line: [UInt8], in path: String) throws -> TrialRecord {
        do { return try ArchiveJSON.decode(TrialRecord.self, from: line) } catch {
            throw ArchiveError(
                .corrupt, path: path,
                "has a line that is no trial any more; remove the file and resume the campaign, which writes it again")
        }
    }
}
