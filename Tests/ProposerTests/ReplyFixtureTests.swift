import Foundation
import Proposer
import Testing

/// Replies as models really send them, sound and broken; `expected.json` says what is in each.
///
/// The code found in a reply lies beside it as `NN-name.py`; the Python tests screen those files.
@Suite struct ReplyFixtureTests {
    struct Expected: Decodable {
        /// `code`, or the kind of the problem.
        let outcome: String
        let name: String?
        /// How the thought begins.
        let thought: String?
        /// The server says that the token limit ended the reply.
        let cutOff: Bool?
    }

    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/replies")

    private static let all: [String: Expected] = {
        let data = (try? Data(contentsOf: folder.appending(path: "expected.json"))) ?? Data()
        return (try? JSONDecoder().decode([String: Expected].self, from: data)) ?? [:]
    }()

    @Test func thereAreRepliesOfEveryKind() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path).filter {
            $0.hasSuffix(".txt")
        }
        #expect(Set(files) == Set(Self.all.keys) && files.count >= 60)
        #expect(
            Set(Self.all.values.map(\.outcome)) == ["code", "empty", "noCode", "thoughtsOnly", "cutOff"])
    }

    @Test(arguments: Self.all.keys.sorted())
    func theReplyIsReadAsItWasMeant(file: String) throws {
        let expected = try #require(Self.all[file])
        let reply = String(decoding: try Data(contentsOf: Self.folder.appending(path: file)), as: UTF8.self)
        do {
            let draft = try ReplyParser.draft(from: reply, isCutOff: expected.cutOff ?? false)
            #expect(expected.outcome == "code", "\(draft)")
            #expect(draft.name == expected.name)
            if let thought = expected.thought { #expect(draft.thought?.hasPrefix(thought) == true, "\(draft)") }
            let code = try String(
                contentsOf: Self.folder.appending(path: file.replacing(".txt", with: ".py")), encoding: .utf8)
            #expect(draft.code.trimmingCharacters(in: .newlines) == code.trimmingCharacters(in: .newlines))
        } catch let error as ReplyProblem {
            #expect(error.kind.rawValue == expected.outcome)
        }
    }

    /// No reply, however it is cut, may crash the parser or turn into something without a function.
    @Test(arguments: Self.all.keys.sorted())
    func everyPrefixOfAReplyIsReadWithoutHarm(file: String) throws {
        let reply = String(decoding: try Data(contentsOf: Self.folder.appending(path: file)), as: UTF8.self)
        for length in stride(from: 0, to: reply.count, by: max(1, reply.count / 40)) {
            guard let draft = try? ReplyParser.draft(from: String(reply.prefix(length))) else { continue }
            #expect(!draft.code.isEmpty)
        }
    }
}
