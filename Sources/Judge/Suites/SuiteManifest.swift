import Foundation
import LabCore

/// What a suite's files are and where they come from: `manifest.json` in the suite's folder.
///
/// The files themselves are others' work and not part of the project; they are fetched and held against these checksums.
public struct SuiteManifest: Codable, Sendable {
    public struct File: Codable, Sendable {
        /// Relative to the suite's folder.
        public let path: String
        public let url: String
        public let sha256: String
        public let bytes: Int
    }

    public enum Kind: String, Codable, Sendable {
        /// One answer at a time, graded 1 to 10.
        case single
        /// Two answers compared.
        case pairwise
    }

    public struct Source: Codable, Sendable {
        public let repository: String
        public let commit: String
        public let licence: String
    }

    public let name: String
    public let title: String
    public let kind: Kind
    public let source: Source
    public let files: [File]

    public static func read(_ folder: String) throws -> SuiteManifest {
        let path = folder + "/manifest.json"
        guard let data = FileManager.default.contents(atPath: path) else {
            throw JudgeError(.unreadable, "\(path) is missing, so it is not known what belongs to this suite")
        }
        do {
            let manifest = try JSONDecoder().decode(SuiteManifest.self, from: data)
            for file in manifest.files where file.path.hasPrefix("/") || file.path.split(separator: "/").contains("..")
            {
                throw JudgeError(.malformed, "\(path): the file \(file.path) lies outside the suite's folder")
            }
            return manifest
        } catch let error as DecodingError {
            throw JudgeError(.malformed, "\(path) is no manifest: \(error.sentence)")
        }
    }
}

/// A suite's folder and which of its files are there.
public struct SuiteFolder: Sendable {
    public enum State: String, Codable, Sendable {
        case installed
        /// Some files are missing.
        case incomplete
        /// No file is there.
        case absent
        /// A file is not the pinned one.
        case changed
    }

    public let path: String
    public let manifest: SuiteManifest

    public init(_ path: String) throws {
        self.path = path
        manifest = try SuiteManifest.read(path)
    }

    /// Every folder with a manifest directly below this one, by name.
    public static func all(in folder: String) throws -> [SuiteFolder] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return try names.sorted().map { folder + "/" + $0 }
            .filter { FileManager.default.fileExists(atPath: $0 + "/manifest.json") }.map { try SuiteFolder($0) }
    }

    /// `nil` for a file that is not there, else whether it is the pinned one.
    private func check(_ file: SuiteManifest.File, in folder: String) -> Bool? {
        FileManager.default.contents(atPath: "\(folder)/\(file.path)").map { ContentHash.sha256($0) == file.sha256 }
    }

    public var state: State {
        let checks = manifest.files.map { check($0, in: path) }
        if checks.contains(false) { return .changed }
        if checks.allSatisfy({ $0 == true }) { return .installed }
        return checks.allSatisfy { $0 == nil } ? .absent : .incomplete
    }

    /// Puts the missing files in place and says which they were.
    ///
    /// - Parameters:
    ///   - source: a folder of the same layout to copy from; `nil` downloads.
    ///   - force: also replaces files that are there.
    ///   - download: gets one URL to a path, with the given checksum and size.
    /// - Throws: `JudgeError.wrongChecksum` for a file that is not the pinned one, in `source` or already in place.
    public func install(
        from source: String?, force: Bool,
        download: (_ url: String, _ path: String, _ sha256: String, _ bytes: Int) async throws -> Void
    ) async throws -> [String] {
        var installed: [String] = []
        for file in manifest.files {
            let place = URL(filePath: path).appending(path: file.path)
            switch check(file, in: path) {
            case true where !force: continue
            case false where !force:
                throw JudgeError(
                    .wrongChecksum,
                    "\(place.path) is not the pinned file (SHA-256 \(file.sha256.prefix(12))...); --force replaces it")
            default: break
            }
            try FileManager.default.createDirectory(
                at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
            if let source {
                let original = "\(source)/\(file.path)"
                guard let data = FileManager.default.contents(atPath: original) else {
                    throw JudgeError(
                        .unreadable, "\(original) is missing; --from names a folder of the suite's own layout")
                }
                let digest = ContentHash.sha256(data)
                guard digest == file.sha256 else {
                    throw JudgeError(
                        .wrongChecksum,
                        "\(original) has the SHA-256 \(digest), pinned is \(file.sha256); nothing was copied")
                }
                do { try data.write(to: place, options: .atomic) } catch {
                    throw JudgeError(.unreadable, "\(place.path) cannot be written: \(error.localizedDescription)")
                }
            } else {
                try await download(file.url, place.path, file.sha256, file.bytes)
            }
            installed.append(file.path)
        }
        return installed
    }
}
