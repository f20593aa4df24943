import Archive
import ArgumentParser
import CampaignRunner
import Evolution
import Foundation
import LabConfig
import LabCore

/// `losslab system bench`: the controller's own cost, with stages that take no time.
struct SystemBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure the controller's overhead per candidate with stub stages.",
        discussion: """
            Run it some minutes after another that wrote files: ext4 avoids the inodes of files deleted less than five \
            minutes ago, and looking for others can double the time. Or let TMPDIR name a folder on another file system.
            """)

    @Option(help: "Stub candidates.")
    var candidates = 10_000

    func run() async throws {
        try await orFail {
            print("Controller overhead, decisions alone:")
            print(try await benchmarkOverhead(candidates: candidates))
            let folder = FileManager.default.temporaryDirectory.appending(path: "losslab-bench-\(UUID().uuidString)")
            defer { try? FileManager.default.removeItem(at: folder) }
            print("With the archive and every file of the run directory written:")
            print(
                try await benchmarkOverhead(candidates: candidates) { try await Self.storage(of: $0, in: folder.path) })
        }
    }

    private static func storage(of config: CampaignConfig, in folder: String) async throws -> CampaignStorage {
        let manifest = CampaignManifest(config: config, started: RunDirectory.now())
        let directory = try RunDirectory.create(in: folder, manifest, resolvedConfig: render(config))
        let archive = try SQLiteArchive(folder + "/archive.sqlite")
        return CampaignStorage(
            archive: try await RunRecorder(directory, archive), steps: directory.steps,
            cache: SealedStepStore(try FileStepStore(folder + "/cache", shared: true)) { log("losslab: \($0)") })
    }
}

/// `losslab system error-rates`: how often a campaign claims a discovery that is none.
struct SystemErrorRates: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "error-rates",
        abstract:
            "Simulate campaigns with the measured noise: false discoveries, power, coverage; and the published loop's.")

    @Option(help: "Simulated campaigns.")
    var campaigns = 1_000

    @Option(help: "Seed of the simulation.")
    var seed: UInt64 = 1

    @OptionGroup var formatOption: FormatOption

    func validate() throws {
        guard campaigns >= 1 else { throw ValidationError("--campaigns must be at least 1") }
    }

    func run() async throws {
        let report = simulateErrorRates(campaigns: campaigns, seed: seed)
        switch formatOption.format {
        case .json: try printJSON(report)
        case .table: print(report.text)
        }
    }
}
