import Foundation
import LabConfig
import LabCore
import Testing

/// A folder of files that lives as long as the test.
final class TemporaryFolder {
    let path = NSTemporaryDirectory() + "losslab-\(UUID().uuidString)"

    init(_ files: [String: String] = [:]) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        for (name, text) in files { try write(text, to: name) }
    }

    func write(_ text: String, to name: String) throws {
        let url = URL(fileURLWithPath: path).appending(path: name)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

private func lossText(_ header: String, body: String = "def loss(a, b, c, d, beta):\n    return a\n") -> String {
    "# ---\n" + header.split(separator: "\n").map { "# \($0)\n" }.joined() + "# ---\n" + body
}

@Suite struct LossFileTests {
    @Test func theWholeHeaderIsRead() throws {
        let text = lossText(
            """
            name: lrml
            title: "Log Ratio: modulated"   # a comment
            origin: published
            reference: arXiv:2406.08414, eq. 5
            beta: 0.1
            parents: [dpo, exponential]
            control: true
            form: corrected
            """)
        let file = try LossFile.parse(text, path: "lrml.py")
        let expected = LossSource(
            name: "lrml", text: text, origin: .published, beta: 0.1, title: "Log Ratio: modulated",
            reference: "arXiv:2406.08414, eq. 5", parents: ["dpo", "exponential"], isControl: true)
        #expect(file.loss == expected)
        #expect(file.form == "corrected")
    }

    @Test func windowsLineEndsAreRead() throws {
        let text = lossText("name: dpo\norigin: baseline\nbeta: 0.05").replacingOccurrences(of: "\n", with: "\r\n")
        #expect(try LossFile.parse(text, path: "dpo.py").loss.name == "dpo")
    }

    @Test(arguments: [
        ("", "x.py: is empty; a loss file has a header and a function `loss`"),
        ("def loss(): pass\n", "x.py:1: has no header; begin the file with `# ---`"),
        ("# ---\n# name: a\ndef loss(): pass\n", "x.py:1: the header that begins here has no second `# ---`"),
        ("# ---\nname: a\n# ---\ndef loss(): pass\n", "x.py:2: the header's lines must begin with `#` up to `# ---`"),
        ("# ---\n# name: a\n# ---\nx = 1\n", "x.py:3: defines no function"),
        (lossText("origin: baseline\nbeta: 0.1"), "x.py:2:3: `name` is missing from the header"),
        (lossText("name: a\norigin: baseline"), "x.py:2:3: `beta` is missing from the header"),
        (lossText("name: A b\norigin: baseline\nbeta: 1"), "x.py:2:9: `name` must be a name of at most 60"),
        (lossText("name: a\norigin: invented\nbeta: 1"), "x.py:3:11: `origin` cannot be `invented`; possible values"),
        (lossText("name: a\norigin: baseline\nbeta: hot"), "x.py:4:9: `beta` must be a number, not `hot`"),
        (
            lossText("name: a\norigin: baseline\nbeta: 1\nparent: dpo"),
            "x.py:5:3: unknown key `parent`; did you mean `parents`?"
        ),
        (lossText("name: a\ntitle: b: c\norigin: baseline\nbeta: 1"), "x.py:3:11: not YAML: mapping values"),
    ])
    func eachMistakeHasItsPlace(text: String, beginning: String) {
        let error = #expect(throws: ConfigError.self) { try LossFile.parse(text, path: "x.py") }
        #expect(error?.description.hasPrefix(beginning) == true, "\(error?.description ?? "none")")
    }
}

@Suite struct LossCatalogueTests {
    @Test func filesBelowTheFolderAreReadInTheOrderOfTheirPaths() throws {
        let header = { (name: String) in lossText("name: \(name)\norigin: baseline\nbeta: 0.05") }
        let folder = try TemporaryFolder([
            "published/z.py": header("z"), "baselines/b.py": header("b"), "baselines/a.py": header("a"),
            "baselines/__pycache__/c.py": "junk", "notes.txt": "junk",
        ])
        let catalogue = try LossCatalogue.load(folder.path)
        #expect(catalogue.losses.map(\.name) == ["a", "b", "z"])
        #expect(catalogue.files.map(\.path).last == folder.path + "/published/z.py")
        #expect(try catalogue.losses(named: ["z", "a"]).map(\.name) == ["z", "a"])
        #expect(try catalogue.losses(named: []).count == 3)
    }

    @Test func mistakesOfAllFilesAreToldTogether() throws {
        let good = lossText("name: twin\norigin: baseline\nbeta: 0.05")
        let folder = try TemporaryFolder(["a.py": good, "b.py": good, "c.py": "def loss(): pass", "d.py": ""])
        let error = #expect(throws: ConfigError.self) { try LossCatalogue.load(folder.path) }
        let lines = error?.description.split(separator: "\n").map { $0.replacingOccurrences(of: folder.path, with: "") }
        #expect(lines?.count == 3)
        #expect(lines?.last == "/b.py: is named `twin` like /a.py; every loss needs its own name")
    }

    @Test func anUnknownNameIsToldWithTheNearest() throws {
        let folder = try TemporaryFolder(["dpo.py": lossText("name: dpo\norigin: baseline\nbeta: 0.05")])
        let catalogue = try LossCatalogue.load(folder.path)
        let error = #expect(throws: ConfigError.self) { try catalogue.losses(named: ["dop"]) }
        #expect(error?.description == "losses: no loss is named `dop`; did you mean `dpo`?")
        let missing = #expect(throws: ConfigError.self) { try LossCatalogue.load(folder.path + "/none") }
        #expect(missing?.problems.first?.code == .unreadable)
    }

    @Test func theProjectsOwnCatalogueLoads() throws {
        let catalogue = try LossCatalogue.load(projectFolder + "/losses")
        #expect(catalogue.losses.contains { $0.name == "dpo" && $0.origin == .baseline && $0.beta == 0.05 })
        #expect(catalogue.losses.contains { $0.origin == .published })
        #expect(catalogue.losses.contains { $0.isControl })
        let names = Set(catalogue.losses.map(\.name))
        #expect(catalogue.losses.flatMap(\.parents).allSatisfy { names.contains($0) })
    }
}
