import Archive
import ArgumentParser
import Foundation
import LabConfig
import LabCore

/// A loss by whatever people call it: a file, a catalogue name, or one of the archive as `CAMPAIGN/LOSS`.
///
/// A name that is in no catalogue is looked for in every campaign; where several have it, the error lists them.
func findLoss(_ reference: String, in project: Project) async throws -> LossSource {
    if reference.hasSuffix(".py") || FileManager.default.fileExists(atPath: reference) {
        return try LossFile.load(reference).loss
    }
    let catalogue = try LossCatalogue.load(project.losses)
    if let known = catalogue.losses.first(where: { $0.name == reference }) { return known }
    guard FileManager.default.fileExists(atPath: project.archive) else {
        return try catalogue.file(named: reference).loss
    }
    let archive = try SQLiteArchive(project.archive, readOnly: true)
    if let slash = reference.firstIndex(of: "/") {
        let campaign = String(reference[..<slash]), loss = String(reference[reference.index(after: slash)...])
        guard let candidate = try await archive.candidate(loss, of: campaign) else {
            throw ValidationError(
                "campaign \(campaign) has no loss \(loss); `losslab archive list --all` shows them, and a file needs .py"
            )
        }
        return try source(of: candidate, reference)
    }
    var found: [(campaign: String, candidate: Candidate)] = []
    for campaign in try await archive.campaigns() {
        guard let candidate = try await archive.candidate(reference, of: campaign.name) else { continue }
        found.append((campaign.name, candidate))
    }
    // Copies of one loss in several campaigns leave nothing to choose.
    guard let first = found.first else { return try catalogue.file(named: reference).loss }
    guard Set(found.map(\.candidate.source)).count == 1 else {
        let choices = found.map { "\($0.campaign)/\(reference)" }.joined(separator: ", ")
        throw ValidationError("several campaigns have a loss \(reference); choose one of \(choices)")
    }
    return try source(of: first.candidate, reference)
}

private func source(of candidate: Candidate, _ reference: String) throws -> LossSource {
    guard let source = candidate.source else {
        throw ValidationError("\(reference) was rejected before it became a loss; there is no code of it")
    }
    return source
}
