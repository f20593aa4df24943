import Foundation
import LabConfig
import LabCore
import Testing

@Suite struct WorldCatalogueTests {
    static let json = """
        {"name": "NAME", "title": "A world", "description": "For tests.", "base": "BASE", "vocabularySize": 125,
         "maxNewTokens": 24, "logpScale": 10, "sampling": {"temperature": 0.5, "samples": 2, "klSamples": 3},
         "training": {"batchSize": 8, "warmupSteps": 5, "maxGradientNorm": 2.0, "optimizer": "AdamW"},
         "grid": {"learningRates": [0.0005, 1e-3], "betas": [0.05, 0.1, 0.3]},
         "builder": {"version": 1, "seed": 7}, "files": {"pairs/search.jsonl.gz": "HASH"}}
        """

    /// Two worlds; the second takes policy, questions and rubric from the first.
    func folder(json: String = Self.json) throws -> TemporaryFolder {
        func text(_ name: String) -> String {
            json.replacingOccurrences(of: "NAME", with: name).replacingOccurrences(of: "BASE", with: "first")
                .replacingOccurrences(of: "HASH", with: ContentHash.sha256("pairs of \(name)"))
        }
        var files = [
            "first/policy/config.json": "{}", "first/question.jsonl": "{}\n{}\n\n",
            "first/held_out.jsonl": "{}\n{}\n{}",
            "first/rubric.jsonl": "{}", "builder/__init__.py": "",
        ]
        for name in ["first", "second"] {
            files["\(name)/world.json"] = text(name)
            files["\(name)/pairs/search.jsonl.gz"] = "pairs of \(name)"
            files["\(name)/pairs/confirmation.jsonl.gz"] = "others"
        }
        return try TemporaryFolder(files)
    }

    @Test func aWorldIsReadWithAbsolutePathsAndCounts() throws {
        let folder = try folder()
        let catalogue = try WorldCatalogue.load(folder.path)
        #expect(catalogue.worlds.map(\.name) == ["first", "second"])
        let world = try catalogue.world(named: "second")
        #expect(world.policy.hasSuffix("/first/policy") && world.policy.hasPrefix("/"))
        #expect(world.questions[.heldOut]?.hasSuffix("/first/held_out.jsonl") == true)
        #expect(world.pairs[.search]?.hasSuffix("/second/pairs/search.jsonl.gz") == true)
        #expect(world.questionCounts == [.search: 2, .heldOut: 3])
        #expect(world.grid == SettingGrid(learningRates: [0.0005, 0.001], betas: [0.05, 0.1, 0.3]))
        #expect(world.training == WorldTraining(batchSize: 8, warmupSteps: 5, maxGradientNorm: 2, logpScale: 10))
        #expect(world.sampling == WorldSampling(temperature: 0.5, samples: 2, maxNewTokens: 24, klSamples: 3))
        #expect(world.vocabularySize == 125)
        #expect(world.summary == "For tests.")
    }

    static func hash(of path: String) throws -> String { ContentHash.sha256(try Data(contentsOf: URL(filePath: path))) }

    @Test func changedAndMissingFilesAreTold() throws {
        let others = [
            "config.json": "{}", "question.jsonl": "{}\n{}\n\n", "held_out.jsonl": "{}\n{}\n{}", "rubric.jsonl": "{}",
        ]
        let listed = others.map { name, text in
            "\"\(name == "config.json" ? "policy/" : "")\(name)\": \"\(ContentHash.sha256(text))\", "
        }
        let all = "\"files\": {\(listed.joined()) \"pairs/confirmation.jsonl.gz\": \"\(ContentHash.sha256("others"))\","
        let folder = try folder(json: Self.json.replacingOccurrences(of: "\"files\": {", with: all))
        let catalogue = try WorldCatalogue.load(folder.path)
        let world = try catalogue.world(named: "second")
        try catalogue.verifyFiles(of: world, hash: Self.hash)
        try folder.write("other pairs", to: "second/pairs/search.jsonl.gz")
        let changed = #expect(throws: ConfigError.self) { try catalogue.verifyFiles(of: world, hash: Self.hash) }
        #expect(changed?.description.contains("second/pairs/search.jsonl.gz: has changed since") == true)
        try FileManager.default.removeItem(atPath: folder.path + "/second/pairs/search.jsonl.gz")
        let missing = #expect(throws: ConfigError.self) { try catalogue.verifyFiles(of: world, hash: Self.hash) }
        #expect(missing?.description.contains("is missing; restore it") == true)
        let absent = #expect(throws: ConfigError.self) { try WorldCatalogue.load(folder.path) }
        #expect(absent?.description.contains("search.jsonl.gz, which is missing") == true)
    }

    @Test func mistakesInAWorldFileHaveTheirPlace() throws {
        let wrong = Self.json.replacingOccurrences(of: "\"samples\": 2", with: "\"samples\": \"two\"")
            .replacingOccurrences(of: "\"betas\": [0.05, 0.1, 0.3]", with: "\"betas\": []")
        let folder = try folder(json: wrong)
        let error = #expect(throws: ConfigError.self) { try WorldCatalogue.load(folder.path) }
        let first = "\(folder.path)/first/world.json"
        #expect(error?.problems.count == 4)
        #expect(
            error?.problems.prefix(2).map(\.description) == [
                "\(first):2:83: `sampling.samples` must be a whole number, not `two`",
                "\(first):4:53: `grid.betas` needs at least 1, but has 0",
            ])
    }

    @Test func anUnknownWorldIsToldWithTheNearest() throws {
        let folder = try folder()
        let catalogue = try WorldCatalogue.load(folder.path)
        let error = #expect(throws: ConfigError.self) { try catalogue.world(named: "frist") }
        #expect(error?.description == "\(folder.path): no world is named `frist`; did you mean `first`?")
    }

    static let worldsFolder = projectFolder + "/evaluation/microbench"

    @Test(
        .enabled(
            if: FileManager.default.fileExists(atPath: worldsFolder + "/transfer/world.json"),
            "not all worlds are built"))
    func theProjectsOwnWorldsLoad() throws {
        let catalogue = try WorldCatalogue.load(Self.worldsFolder)
        for config in try CampaignFile.load(projectFolder + "/runs/overnight.yaml") {
            let world = try catalogue.world(named: config.world)
            #expect(world.questionCounts[.search] == 80)
            #expect((world.questionCounts[.heldOut] ?? 0) >= 160)
        }
    }
}

@Suite struct ContentHashTests {
    /// The examples of FIPS 180-4's publisher, and lengths around a block's end against the system's `sha256sum`.
    @Test func digestsAreThoseOfTheStandard() {
        #expect(ContentHash.sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(ContentHash.sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(
            ContentHash.sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")
                == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
    }

    @Test(arguments: [1, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 1_000])
    func digestsEqualThoseOfTheSystem(length: Int) throws {
        let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let folder = try TemporaryFolder()
        try Data(bytes).write(to: URL(fileURLWithPath: folder.path + "/data"))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["sha256sum", folder.path + "/data"]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(output.prefix(64) == ContentHash.sha256(bytes))
    }
}
