import Archive
import LabCore
import LabTesting
import Synchronization

/// A small finished campaign, recorded in a run directory and an archive of one folder.
struct RecordedCampaign {
    let folder: TemporaryFolder
    let archive: SQLiteArchive
    var archivePath: String { folder.path + "/archive.sqlite" }
    var runs: String { folder.path }

    /// - Parameters:
    ///   - started, seconds: of the clock; two campaigns that differ in them alone found the same.
    ///   - order: of recording; catalogue and candidates by number.
    init(
        name: String = "first", started: String = "2026-01-01T00:00:00Z", seconds: Double = 2.5, workers: Int = 2,
        order: [Int] = [-1, 1, 2, 3]
    ) async throws {
        folder = try TemporaryFolder()
        archive = try SQLiteArchive(folder.path + "/archive.sqlite")
        let config = CampaignConfig(
            name: name, seed: 7, proposer: ProposerConfig(controlArms: [.random: 0.25, .bestOfN: 0.25]),
            workers: workers)
        let manifest = CampaignManifest(config: config, started: started, versions: ["losslab": "0.1"])
        let directory = try RunDirectory.create(in: folder.path, manifest, resolvedConfig: "name: \(name)\n")
        let recorder = try await RunRecorder(directory, archive)
        let candidates = [
            -1: Example.candidate(-1, "dpo", mean: 6), 1: Example.candidate(1, "soft", mean: 6.5, parents: [-1]),
            2: Example.candidate(2, "wild", status: .rejected(Rejection(code: "shape", message: "(2,) for (1,)"))),
            3: Example.candidate(3, "twin", parents: [1], status: .duplicate(of: "soft")),
        ]
        for number in order {
            guard let candidate = candidates[number] else { continue }
            try await recorder.record(candidate, of: name)
            guard let mean = candidate.tuned?.score.mean else { continue }
            for seed in [2, 1] {
                let spec = Example.spec(seed: seed)
                try await recorder.record(
                    Example.outcome(spec, mean: mean, seconds: seconds), spec, of: candidate.id, in: name)
            }
        }
        try await recorder.record(Example.confirmation(), of: name)
    }

    func exported(_ format: ExportFormat = .json, canonical: Bool = false) async throws -> String {
        let text = Collected()
        try await archive.export(as: format, canonical: canonical) { text.append($0) }
        return text.value
    }
}

/// Text gathered from a closure.
final class Collected: Sendable {
    private let text = Mutex("")

    var value: String { text.withLock { $0 } }

    func append(_ piece: String) { text.withLock { $0 += piece } }
}
