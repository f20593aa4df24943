import Foundation

/// How much of a run's folder its chain speaks for.
public struct RunCoverage: Codable, Sendable, Equatable {
    /// Campaign or rerun.
    public let name: String
    /// Lines of the chain; 0 for a run of an older version, which has none.
    public let links: Int
    /// Files whose every byte stands in the chain.
    public let covered: Int
    /// Files that do not, and ends of files that grew since: `KEY` or `KEY from byte N`.
    public let notCovered: [String]
}

/// A run's folder against its chain.
struct ChainCheck {
    private(set) var found: [ArchiveDisagreement] = []
    private(set) var coverage: RunCoverage

    private let folder: String
    private let campaign: String?

    /// - Parameters:
    ///   - recordedHead: the chain's end as the archive last saw it; `nil` where it never did.
    ///   - known: paths of which something is told already.
    init(_ folder: String, name: String, campaign: String?, recordedHead: String?, known: Set<String>) throws {
        self.folder = folder
        self.campaign = campaign
        let files = Self.files(in: folder)
        guard ChainContent.exists(folder) else {
            coverage = RunCoverage(name: name, links: 0, covered: 0, notCovered: files)
            if recordedHead != nil {
                add(
                    .missingFile, RunChain.file,
                    "is gone, though the archive knows its end: what this run wrote can no longer be told from what was "
                        + "changed; restore it from a copy")
            }
            return
        }
        let content = try ChainContent.read(folder)
        coverage = RunCoverage(name: name, links: content.links.count, covered: 0, notCovered: [])
        if let line = content.brokenLine {
            add(
                .different, RunChain.file,
                "was changed at line \(line), which does not follow from the line before; restore it from a copy")
        } else if let recordedHead, !content.seals.contains(recordedHead) {
            add(
                .different, RunChain.file,
                "was cut or written anew: the end that the archive recorded is not in it; restore it from a copy")
        }
        var pieces: [String: [ChainLink]] = [:]
        for link in content.links {
            if link.range.lowerBound == 0 { pieces[link.key] = [] }
            pieces[link.key, default: []].append(link)
        }
        var covered = 0
        var open = files.filter { pieces[$0] == nil }
        for (key, links) in pieces.sorted(by: { $0.key < $1.key }) {
            if let tail = try check(key, links, isTold: known.contains("\(folder)/\(key)")) {
                open.append(tail)
            } else {
                covered += 1
            }
        }
        coverage = RunCoverage(name: name, links: content.links.count, covered: covered, notCovered: open.sorted())
    }

    /// The part of the file that the chain does not speak for, in words; `nil` where there is none.
    private mutating func check(_ key: String, _ links: [ChainLink], isTold: Bool) throws -> String? {
        let path = "\(folder)/\(key)"
        guard let size = fileSize(path) else {
            // They are large, and nothing is computed from them again.
            if RunLayout.mayBeDeleted(key) { return "\(key), which was deleted" }
            if !isTold { add(.missingFile, key, "is gone, though the run wrote it; restore it from a copy") }
            return nil
        }
        var end = 0
        for link in links {
            guard link.range.lowerBound == end, try hash(of: link.range, in: path) == link.sha256 else {
                if !isTold {
                    add(
                        .different, key,
                        "is not what the run wrote: its SHA-256 differs; restore it from a copy, or do not trust the run"
                    )
                }
                return nil
            }
            end = link.range.upperBound
        }
        guard size > end else { return nil }
        if !RunLayout.grows(key) {
            if !isTold { add(.different, key, "is longer than the run wrote it; restore it from a copy") }
            return nil
        }
        return "\(key) from byte \(end)"
    }

    private mutating func add(_ kind: ArchiveDisagreement.Kind, _ key: String, _ message: String) {
        found.append(
            ArchiveDisagreement(kind: kind, campaign: campaign, path: "\(folder)/\(key)", message: message))
    }

    /// Every file that says something about the run, below its folder.
    private static func files(in folder: String) -> [String] {
        let names = (try? FileManager.default.subpathsOfDirectory(atPath: folder)) ?? []
        return names.filter { name in
            let last = name.split(separator: "/").last ?? ""
            guard ![RunChain.file, RunLayout.lock].contains(name), !last.hasPrefix(AtomicFileWriter.temporaryPrefix)
            else { return false }
            return fileSize("\(folder)/\(name)") != nil
        }.sorted()
    }
}
