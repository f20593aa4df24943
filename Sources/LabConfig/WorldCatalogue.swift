import Foundation
public import LabCore
import Yams

/// The worlds below a folder such as `evaluation/microbench`: one folder each, described by its `world.json`.
public struct WorldCatalogue: Sendable, Equatable {
    public let folder: String
    /// In the order of their names.
    public let worlds: [WorldDescription]

    public static func load(_ folder: String) throws(ConfigError) -> WorldCatalogue {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
            throw ConfigError(.unreadable, file: folder, "no such folder; run from the project's own folder")
        }
        var worlds: [WorldDescription] = []
        var problems: [ConfigError.Problem] = []
        for name in names.sorted() {
            let path = "\(folder)/\(name)/world.json"
            guard FileManager.default.fileExists(atPath: path) else { continue }
            do { worlds.append(try WorldFile.load(path)) } catch { problems += error.problems }
        }
        guard problems.isEmpty else { throw ConfigError(problems) }
        guard !worlds.isEmpty else {
            throw ConfigError(.unreadable, file: folder, "holds no world (a folder with a world.json)")
        }
        return WorldCatalogue(folder: folder, worlds: worlds)
    }

    /// The world of that name; the error names the nearest one.
    public func world(named name: String) throws(ConfigError) -> WorldDescription {
        if let world = worlds.first(where: { $0.name == name }) { return world }
        let hint = suggestion(for: name, among: worlds.map(\.name), called: "known worlds")
        throw ConfigError(.outOfRange, file: folder, "no world is named `\(name)`\(hint)")
    }
}

/// One `world.json`. Keys beyond those read here are the builder's own and are left alone.
enum WorldFile {
    static func load(_ path: String) throws(ConfigError) -> WorldDescription {
        let problems = Problems(file: path)
        let root = Section(try composeYAML(try readText(path), file: path), problems: problems)
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().standardizedFileURL
        let name = root.name("name", of: .world) ?? ""
        if !name.isEmpty, name != folder.lastPathComponent {
            root.complain(.conflict, "name", "is `\(name)`, but the folder is `\(folder.lastPathComponent)`")
        }
        let base = baseFolder(root.text("base"), of: folder)
        let grid = root.section("grid")
        let rates = grid.doubles("learningRates", [], in: 1e-8...1)
        let betas = grid.doubles("betas", [], in: 1e-4...100)
        let files = fileHashes(root)
        for key in ["name", "grid", "maxNewTokens"] where !root.has(key) {
            root.complain(.missingKey, key, "is missing")
        }
        for key in ["learningRates", "betas"] where root.has("grid") && !grid.has(key) {
            grid.complain(.missingKey, key, "is missing")
        }
        let questions: [QuestionSet: String] = [
            .search: existing("question.jsonl", in: base, root), .heldOut: existing("held_out.jsonl", in: base, root),
        ]
        let pairs: [PairPool: String] = [
            .search: existing("pairs/search.jsonl.gz", in: folder, root),
            .confirmation: existing("pairs/confirmation.jsonl.gz", in: folder, root),
        ]
        let (policy, rubric) = (existing("policy", in: base, root), existing("rubric.jsonl", in: base, root))
        let (training, sampling) = (training(root), sampling(root))
        let vocabularySize = root.int("vocabularySize", 0, in: 0...10_000_000)
        let isOwn = root.bool("own", false)
        try problems.throwIfAny()
        var counts: [QuestionSet: Int] = [:]
        for (set, path) in questions {
            counts[set] = try rows(of: path)
        }
        return WorldDescription(
            name: name, title: root.text("title") ?? name, summary: root.text("description") ?? "", policy: policy,
            questions: questions, questionCounts: counts, rubric: rubric, pairs: pairs,
            grid: SettingGrid(learningRates: rates, betas: betas), training: training, sampling: sampling,
            vocabularySize: vocabularySize, files: files, isOwn: isOwn)
    }

    private static func training(_ root: Section) -> WorldTraining {
        let section = root.section("training")
        let standard = WorldTraining()
        return WorldTraining(
            batchSize: section.int("batchSize", standard.batchSize, in: 1...65_536),
            warmupSteps: section.int("warmupSteps", standard.warmupSteps, in: 0...1_000_000),
            maxGradientNorm: section.double("maxGradientNorm", standard.maxGradientNorm, in: 1e-6...1e6),
            logpScale: root.double("logpScale", 1, in: 1e-3...1e3))
    }

    private static func sampling(_ root: Section) -> WorldSampling {
        let section = root.section("sampling")
        return WorldSampling(
            temperature: section.double("temperature", 0.7, in: 0...10),
            samples: section.int("samples", 4, in: 1...1_000),
            maxNewTokens: root.int("maxNewTokens", 1, in: 1...100_000),
            klSamples: section.int("klSamples", 1, in: 0...1_000))
    }

    /// Worlds that differ only in their pairs name the world that holds policy, questions and rubric.
    private static func baseFolder(_ base: String?, of folder: URL) -> URL {
        guard let base, !base.isEmpty, base != ".", base != folder.lastPathComponent else { return folder }
        let sibling = folder.deletingLastPathComponent().appending(path: base).standardizedFileURL
        let relative = folder.appending(path: base).standardizedFileURL
        return FileManager.default.fileExists(atPath: sibling.path) ? sibling : relative
    }

    private static func existing(_ name: String, in folder: URL, _ root: Section) -> String {
        let path = folder.appending(path: name).path
        if !FileManager.default.fileExists(atPath: path) {
            root.complain(.unreadable, "name", "needs \(path), which is missing; build the world again or restore it")
        }
        return path
    }

    /// Lines that hold more than spaces.
    private static func rows(of path: String) throws(ConfigError) -> Int {
        let blanks = Set(" \t\r".utf8)
        return try readText(path).utf8.split(separator: UInt8(ascii: "\n")).count { !$0.allSatisfy(blanks.contains) }
    }

    private static func fileHashes(_ root: Section) -> [String: String] {
        guard case .mapping(let mapping)? = root.node("files") else { return [:] }
        var hashes: [String: String] = [:]
        for (key, value) in mapping { hashes[key.scalar?.string ?? ""] = value.scalar?.string ?? "" }
        return hashes
    }
}
