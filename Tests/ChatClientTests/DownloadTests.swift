import ChatClient
import Foundation
import LabCore
import Testing

@Suite struct DownloadTests {
    let server: ScriptedServer

    init() throws { server = try ScriptedServer.shared.get() }

    @Test(arguments: [0, 1, 200_000])
    func aFileWithTheRightContentsIsKept(size: Int) async throws {
        try await withTemporaryFolder { folder in
            let digest = ContentHash.sha256([UInt8](repeating: 0x78, count: size))
            let file = folder + "/file"
            try await HTTPDownload().download(server.root + "/file/\(size)", to: file, sha256: digest.uppercased())
            #expect(try Data(contentsOf: URL(filePath: file)).count == size)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["file"])
        }
    }

    @Test func aFileThatComesByteByByteIsToldOfAndNotWaitedForForEver() async throws {
        try await withTemporaryFolder { folder in
            let notes = Notes()
            let download = HTTPDownload(
                timeouts: ChatTimeouts(total: .seconds(3)), notes: notes.take, patience: .milliseconds(200))
            let error = try await downloadError {
                try await download.download(
                    server.root + "/trickle/2000?pause=0.05", to: folder + "/file", sha256: ContentHash.sha256("xxx"))
            }
            #expect(error?.kind == .timedOut && error?.message.contains("it took longer than 3 s") == true)
            #expect(notes.texts.contains { $0.contains("/trickle/2000") && $0.contains("bytes so far") })
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        }
    }

    private func downloadError(_ body: () async throws -> Void) async throws -> ChatError? {
        do { try await body() } catch let error as ChatError { return error }
        return nil
    }

    @Test func redirectsAreFollowed() async throws {
        try await withTemporaryFolder { folder in
            let url = server.root + "/redirect?to=\(server.root)/file/3"
            try await HTTPDownload().download(
                url, to: folder + "/file", sha256: ContentHash.sha256("xxx"), size: 3)
            #expect(try String(contentsOfFile: folder + "/file", encoding: .utf8) == "xxx")
        }
    }

    @Test func nothingElseIsKeptAndWhatWasThereStays() async throws {
        try await withTemporaryFolder { folder in
            let file = folder + "/file"
            try "before".write(toFile: file, atomically: true, encoding: .utf8)
            let right = ContentHash.sha256("xxx")
            let cases: [(String, String, Int?, Int)] = [
                ("/file/4", right, nil, 1000), ("/file/4", right, 3, 1000), ("/file/2", right, 3, 1000),
                ("/file/2000", right, nil, 1000), ("/none", right, nil, 1000),
                ("/redirect?to=file:///etc/passwd", right, nil, 1000),
            ]
            for (path, digest, size, largest) in cases {
                let url = server.root + path
                let error = await #expect(throws: ChatError.self, "\(path)") {
                    try await HTTPDownload(largest: largest).download(url, to: file, sha256: digest, size: size)
                }
                #expect(error?.message.contains(url) == true)
            }
            #expect(try String(contentsOfFile: file, encoding: .utf8) == "before")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["file"])
        }
    }

    @Test(arguments: ["file:///etc/passwd", "ftp://127.0.0.1/x", "no url"])
    func onlyHTTPIsSpoken(_ url: String) async throws {
        try await withTemporaryFolder { folder in
            _ = await #expect(throws: ChatError.self) {
                try await HTTPDownload().download(url, to: folder + "/file", sha256: ContentHash.sha256("x"))
            }
        }
    }
}
