import Archive
import Foundation
import LabCore
import Proposer

/// The folder of `losslab proposer sample`: what was asked, every call, every draft.
///
/// `sample.json` says what was asked, `conversations/` holds each call word for word, `drafts.jsonl` a draft a line, and
/// `steps.log` the answered calls, by which an interrupted sample goes on.
struct SampleFolder {
    struct Settings: Codable, Equatable {
        let model: String
        let form: String
        let temperature: Double?
        let world: String
        let seed: UInt64
        let repairs: Int
        let evidence: Int
    }

    let path: String
    let settings: Settings

    /// Opens the folder of an earlier, equal sample, or makes one.
    init(_ path: String, _ settings: Settings) throws {
        self.path = path
        self.settings = settings
        let file = path + "/sample.json"
        if let data = FileManager.default.contents(atPath: file) {
            guard try JSONDecoder().decode(Settings.self, from: data) == settings else {
                throw CocoaError(
                    .fileWriteFileExists,
                    userInfo: [
                        NSLocalizedDescriptionKey:
                            "\(path) holds a sample of other settings (\(file)); name another folder with --out"
                    ])
            }
        } else {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            try encoder.encode(settings).write(to: URL(filePath: file), options: .atomic)
        }
    }

    /// A folder that a sample was written to.
    init(existing path: String) throws {
        guard let data = FileManager.default.contents(atPath: path + "/sample.json"),
            let settings = try? JSONDecoder().decode(Settings.self, from: data)
        else {
            throw CocoaError(
                .fileReadNoSuchFile,
                userInfo: [
                    NSLocalizedDescriptionKey:
                        "\(path) holds no sample (no readable sample.json); `losslab proposer sample -o FOLDER` makes one"
                ])
        }
        self.path = path
        self.settings = settings
    }

    func keep(_ drafts: [SampledDraft]) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let lines = try drafts.map { try encoder.encode($0) + Data("\n".utf8) }
        try Data(lines.joined()).write(to: URL(filePath: path + "/drafts.jsonl"), options: .atomic)
    }

    func drafts() throws -> [SampledDraft] {
        let data = FileManager.default.contents(atPath: path + "/drafts.jsonl") ?? Data()
        return try data.split(separator: UInt8(ascii: "\n")).map {
            try JSONDecoder().decode(SampledDraft.self, from: $0)
        }
    }

    func summary() throws -> SampleSummary {
        SampleSummary(
            try drafts(), model: settings.model, form: settings.form, temperature: settings.temperature,
            exchanges: ConversationFiles.exchanges(of: path))
    }
}

/// A part of a step store, so that each draft of a sample finds its own steps only.
struct StepStorePart: StepStore {
    let whole: any StepStore
    let prefix: String

    func value(for key: String) async throws -> [UInt8]? { try await whole.value(for: prefix + key) }
    func store(_ value: [UInt8], for key: String) async throws { try await whole.store(value, for: prefix + key) }
}
