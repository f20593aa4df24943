import Foundation
import LabCore
import Laboratory
import Testing

@Suite struct FileHashesTests {
    private let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "losslab-hashes-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    private func write(_ bytes: Data, _ name: String) throws -> String {
        let file = folder.appending(path: name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try bytes.write(to: file)
        return file.path
    }

    @Test func aFileIsItsBytesAndAFolderItsFiles() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let hashes = FileHashes()
        let path = try write(Data("one".utf8), "model/inner/a.txt")
        #expect(try hashes.hash(ofFile: path) == ContentHash.sha256("one"))
        #expect(try hashes.identity(of: path) == "content " + ContentHash.sha256("one"))
        let model = folder.path + "/model"
        let before = try hashes.identity(of: model)
        #expect(try hashes.identity(of: model) == before)
        _ = try write(Data("two".utf8), "model/inner/a.txt")
        #expect(try hashes.identity(of: model) != before)
        _ = try write(Data("one".utf8), "model/inner/a.txt")
        #expect(try hashes.identity(of: model) == before)
        try FileManager.default.moveItem(atPath: path, toPath: model + "/inner/b.txt")
        #expect(try hashes.identity(of: model) != before)
    }

    @Test func whatNamesNothingHereIsItself() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        #expect(try FileHashes().identity(of: "organisation/model") == "organisation/model")
    }

    @Test func whatCannotBeReadIsAnErrorThatNamesIt() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        _ = try write(Data("one".utf8), "model/a.txt")
        let link = folder.path + "/model/weights.bin"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: folder.path + "/gone")
        let dangling = #expect(throws: FileHashError.self) { try FileHashes().identity(of: folder.path + "/model") }
        #expect(
            dangling?.description.hasPrefix("\(link) cannot be read (No such file or directory), and results depend on")
                == true)
        try FileManager.default.removeItem(atPath: link)
        #expect(mkfifo(link, 0o600) == 0)
        let pipe = #expect(throws: FileHashError.self) { try FileHashes().identity(of: folder.path + "/model") }
        #expect(pipe?.path == link)
    }

    /// The digest of a large file is believed only as long as nothing of the file has changed.
    @Test func aLargeFileIsReadAgainWhenItChanges() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let memory = folder.path + "/memory"
        let hashes = FileHashes(memory: memory)
        var bytes = Data(repeating: 7, count: (8 << 20) + 1)
        let path = try write(bytes, "weights")
        #expect(try hashes.hash(ofFile: path) == ContentHash.sha256(bytes))
        // It has only just been written: a change now could carry the same time.
        #expect(!FileManager.default.fileExists(atPath: memory))
        let fresh = "/proc/self/exe"
        let digest = try hashes.hash(ofFile: fresh)
        let kept = try FileManager.default.contentsOfDirectory(atPath: memory)
        #expect(kept.count == 1)
        let other = String(repeating: "0", count: 64)
        try other.write(toFile: "\(memory)/\(kept[0])", atomically: true, encoding: .utf8)
        #expect(try hashes.hash(ofFile: fresh) == other)
        try "damaged".write(toFile: "\(memory)/\(kept[0])", atomically: true, encoding: .utf8)
        #expect(try hashes.hash(ofFile: fresh) == digest)
        bytes[bytes.count / 2] = 8
        _ = try write(bytes, "weights")
        #expect(try hashes.hash(ofFile: path) == ContentHash.sha256(bytes))
    }
}
