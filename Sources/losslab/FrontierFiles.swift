import Archive
import Foundation
import LabCore
import Trainer

/// The frontier of a campaign, from its archive rows and its files; `nil` while no trial has both score and KL.
func campaignFrontier(of name: String, _ archive: SQLiteArchive, _ files: RunFiles) async throws -> CampaignFrontier? {
    CampaignFrontier(
        config: try await archive.manifest(of: name)?.config, snapshot: try await archive.snapshot(of: name),
        confirmation: try await archive.confirmation(of: name), trials: try await archive.searchTrials(of: name),
        untrained: try files.untrained())
}

extension PoolPlotter {
    /// Draws a frontier beside a report; a picture that cannot be drawn is told and costs nobody the report.
    func keep(_ frontier: Frontier, titled title: String, showing shown: [String], in folder: String) async {
        let path = folder + "/frontier.svg"
        do {
            let picture = try await draw(frontier, titled: title, showing: shown, picture: "svg")
            try picture.write(to: URL(filePath: path), options: .atomic)
        } catch {
            log("losslab: \(path) could not be drawn: \(plain(error))")
        }
    }
}

extension Frontier {
    /// Draws to a file of the user's choice, in a worker of its own.
    func draw(titled title: String, showing shown: [String], to file: PictureFile, in project: Project) async throws {
        // Numbers are drawn and no loss runs, so this works where a sandbox cannot be had.
        let pool = WorkerPool(size: 1, configuration: project.workerConfiguration(allowUnsandboxed: true))
        let picture = try await PoolPlotter(pool: pool).draw(
            self, titled: title, showing: shown, picture: file.ending)
        await pool.close()
        try readingInput { try file.write(picture) }
        log("wrote \(file.path)")
    }
}
